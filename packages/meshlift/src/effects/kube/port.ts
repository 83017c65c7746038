import type { CallAnswer, ServiceCall } from '../service-call/port.ts';

/** Field manager of every server-side apply: who all that Meshlift applies belongs to, field by field. */
export const fieldManager = 'meshlift';

/** A Kubernetes object as the API server sends it; kind-specific fields stay untyped until a pure module reads them. */
export interface KubeObject {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: ObjectMeta;
  readonly [field: string]: unknown;
}

export interface ObjectMeta {
  readonly name: string;
  readonly namespace?: string;
  readonly labels?: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, string>>;
  readonly resourceVersion?: string;
  readonly uid?: string;
  readonly generation?: number;
  readonly creationTimestamp?: string;
  readonly deletionTimestamp?: string;
  readonly ownerReferences?: readonly {
    readonly kind: string;
    readonly name: string;
    readonly uid: string;
  }[];
  readonly managedFields?: readonly { readonly manager?: string; readonly time?: string }[];
}

/** Names one object of a cluster; `namespace` is absent for cluster-scoped kinds. */
export interface ObjectRef {
  readonly apiVersion: string;
  readonly kind: string;
  readonly namespace?: string;
  readonly name: string;
}

export interface ListQuery {
  readonly apiVersion: string;
  readonly kind: string;
  /** absent = every namespace */
  readonly namespace?: string;
  readonly labelSelector?: string;
  readonly fieldSelector?: string;
}

export interface ServicePort {
  readonly namespace: string;
  readonly service: string;
  readonly port: number;
}

export interface PodPort {
  readonly namespace: string;
  readonly pod: string;
  readonly port: number;
}

/**
 * Reads one cluster. Every method rejects with a MeshliftError: `cluster-unreachable` when no answer came,
 * `cluster-forbidden` when the credentials do not allow it, `cluster-refused` for any other answer; each names
 * the cluster, the object and what to do. Every method gives up when `signal` aborts.
 */
export interface KubeReader {
  /** the member cluster's name in the migration, for messages */
  readonly cluster: string;
  /** the object, or null when there is none (also when its kind is not installed) */
  get(ref: ObjectRef, signal?: AbortSignal): Promise<KubeObject | null>;
  /** all matching objects, all pages; an empty list when the kind is not installed */
  list(query: ListQuery, signal?: AbortSignal): Promise<readonly KubeObject[]>;
  /** whether the API server serves this kind */
  serves(apiVersion: string, kind: string, signal?: AbortSignal): Promise<boolean>;
  /** server version, e.g. `v1.36.3` */
  version(signal?: AbortSignal): Promise<string>;
  /** the server's clock, milliseconds since the epoch, to within half a second and half a round trip */
  now(signal?: AbortSignal): Promise<number>;
  /** HTTP GET of a pod's port through the API server's pod proxy; the body of a 2xx answer */
  podGet(target: PodPort, path: string, signal?: AbortSignal): Promise<string>;
  /** HTTP GET of a Service's port through the API server's service proxy; the body of a 2xx answer */
  serviceGet(target: ServicePort, path: string, signal?: AbortSignal): Promise<string>;
  /** HTTP GET of a pod's loopback port through a port-forward (for ports that listen on localhost only) */
  forwardedGet(target: PodPort, path: string, signal?: AbortSignal): Promise<string>;
  /**
   * one call to a pod's loopback port through a port-forward; what the port says is an answer, and so is that it says
   * nothing, or nothing within so many milliseconds
   */
  forwardedCall(
    target: PodPort,
    call: ServiceCall,
    withinMs: number,
    signal?: AbortSignal,
  ): Promise<CallAnswer>;
  /** the last `lines` log lines of a container */
  logs(
    pod: { namespace: string; pod: string; container: string },
    lines: number,
    signal?: AbortSignal,
  ): Promise<string>;
  /** whether the credentials may do `verb` on `resource` (SelfSubjectAccessReview) */
  may(
    access: { verb: string; group: string; resource: string; subresource?: string; namespace?: string },
    signal?: AbortSignal,
  ): Promise<boolean>;
}

/** What every write of Meshlift's carries; `dryRun` asks the server to judge the write without doing it. */
export interface WriteOptions {
  readonly dryRun?: boolean;
  /** refuse (as `cluster-conflict`) unless the object still has this resourceVersion */
  readonly resourceVersion?: string;
  /** refuse (as `cluster-conflict`) unless it is this very object: an apply would make another in place of one that is gone */
  readonly uid?: string;
  /** of an apply: refuse (as `cluster-conflict`) when there is such an object already */
  readonly mustNotExist?: boolean;
  readonly signal?: AbortSignal;
}

/** Writes one cluster. Checks are only ever handed a KubeReader. */
export interface KubeWriter extends KubeReader {
  /**
   * Server-side apply with `fieldManager`, forcing fields that it owns; answers the object as stored.
   * A write that changes nothing leaves the resourceVersion as it was.
   */
  apply(object: KubeObject, options?: WriteOptions): Promise<KubeObject>;
  /** server-side apply of the status subresource, same field manager */
  applyStatus(object: KubeObject, options?: WriteOptions): Promise<KubeObject>;
  /** creates, rejecting with `cluster-conflict` when it exists */
  create(object: KubeObject, options?: WriteOptions): Promise<KubeObject>;
  /** full replacement guarded by the object's own metadata.resourceVersion */
  replace(object: KubeObject, options?: WriteOptions): Promise<KubeObject>;
  /** true when it was there; false when there was nothing to delete */
  delete(ref: ObjectRef, options?: WriteOptions): Promise<boolean>;
  /** a bound service account token (TokenRequest) */
  createToken(
    account: { namespace: string; name: string },
    audience: string,
    seconds: number,
    signal?: AbortSignal,
  ): Promise<string>;
}
