/** What the name of an Envoy cluster of Istio's says: `outbound|3550|v1|productcatalogservice.default.svc.cluster.local`. */
export interface EnvoyCluster {
  readonly host: string;
  readonly port: number;
  /** empty when there is none */
  readonly subset: string;
}

/** null for clusters that stand for no service: inbound ones, pass-through, the proxy's own */
export function envoyCluster(name: string): EnvoyCluster | null {
  const [direction, port, subset = '', host] = name.split('|');
  return direction === 'outbound' && host ? { host, port: Number(port), subset } : null;
}
