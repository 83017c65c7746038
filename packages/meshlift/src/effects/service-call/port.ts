/** One call of a service in its own protocol. */
export type ServiceCall =
  | {
      readonly protocol: 'http';
      /** the Host header, `name.namespace.svc.cluster.local:port` */
      readonly authority: string;
      readonly path: string;
      readonly headers: Readonly<Record<string, string>>;
    }
  | {
      /** the standard health check, grpc.health.v1.Health/Check, which needs no definition of the service */
      readonly protocol: 'grpc';
      readonly authority: string;
      /** the name that the health check asks for; empty: the server as a whole */
      readonly service: string;
      readonly headers: Readonly<Record<string, string>>;
    }
  | { readonly protocol: 'tcp' };

/** What came back; that nothing came is an answer too, since it is what a caller would have seen. */
export type CallAnswer =
  | { readonly came: 'http'; readonly status: number; readonly body: string }
  | {
      readonly came: 'grpc';
      /** the gRPC status code */
      readonly status: number;
      readonly message: string;
      /** what the health check said, such as `SERVING`; null where it is not implemented or failed */
      readonly health: string | null;
    }
  /** TCP: the connection was taken, and not closed at once */
  | { readonly came: 'connection' }
  | { readonly came: 'nothing'; readonly why: string };
