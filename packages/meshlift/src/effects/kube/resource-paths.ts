import type { ApiAnswer, ApiRequest } from './api-request.ts';

/** How one kind is addressed on this API server. */
export interface Resource {
  readonly plural: string;
  readonly namespaced: boolean;
  readonly group: string;
}

interface ResourceList {
  readonly resources?: readonly {
    readonly name: string;
    readonly kind: string;
    readonly namespaced: boolean;
  }[];
}

/** How kinds that are asked for most are addressed, wherever they are served: the server need not be asked for that. */
const wellKnown: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  v1: {
    ConfigMap: 'configmaps',
    Namespace: 'namespaces',
    Pod: 'pods',
    Secret: 'secrets',
    Service: 'services',
    ServiceAccount: 'serviceaccounts',
  },
  'apps/v1': { DaemonSet: 'daemonsets', Deployment: 'deployments', StatefulSet: 'statefulsets' },
  'coordination.k8s.io/v1': { Lease: 'leases' },
  'networking.istio.io/v1': {
    DestinationRule: 'destinationrules',
    Gateway: 'gateways',
    ServiceEntry: 'serviceentries',
    Sidecar: 'sidecars',
    VirtualService: 'virtualservices',
    WorkloadEntry: 'workloadentries',
    WorkloadGroup: 'workloadgroups',
  },
  'security.istio.io/v1': {
    AuthorizationPolicy: 'authorizationpolicies',
    PeerAuthentication: 'peerauthentications',
  },
  'meshlift.dev/v1alpha1': { Migration: 'migrations' },
};

/**
 * How kinds are addressed on one API server, which is asked once per group version what it serves; the answer is kept, so
 * that a request costs one round trip. A kind that was not there is asked for again: a CRD may be installed while we run.
 */
export class ResourcePaths {
  readonly #send: (request: ApiRequest) => Promise<ApiAnswer>;
  readonly #known = new Map<string, ReadonlyMap<string, Resource>>();
  readonly #asking = new Map<string, Promise<ReadonlyMap<string, Resource>>>();

  /** `send` must reject for anything but a 2xx answer or a 404. */
  constructor(send: (request: ApiRequest) => Promise<ApiAnswer>) {
    this.#send = send;
  }

  /** How to ask for objects of this kind; null when it is not served, which of a well-known kind only the answer tells. */
  async find(apiVersion: string, kind: string, signal?: AbortSignal): Promise<Resource | null> {
    return wellKnownKind(apiVersion, kind) ?? this.served(apiVersion, kind, signal);
  }

  /** The same, of a kind that the server says it serves. */
  async served(apiVersion: string, kind: string, signal?: AbortSignal): Promise<Resource | null> {
    const known = this.#known.get(apiVersion)?.get(kind);
    if (known !== undefined) {
      return known;
    }
    // Shared by those who ask at the same time, hence without a caller's signal: the request has its own time-out.
    const asking = this.#asking.get(apiVersion) ?? this.#ask(apiVersion);
    const served = await orAborted(asking, signal);
    return served.get(kind) ?? null;
  }

  #ask(apiVersion: string): Promise<ReadonlyMap<string, Resource>> {
    const asking = this.#read(apiVersion).finally(() => this.#asking.delete(apiVersion));
    this.#asking.set(apiVersion, asking);
    return asking;
  }

  async #read(apiVersion: string): Promise<ReadonlyMap<string, Resource>> {
    const answer = await this.#send({ method: 'GET', path: groupPath(apiVersion) });
    const list = answer.status === 404 ? {} : (JSON.parse(answer.body) as ResourceList);
    const group = groupOf(apiVersion);
    const served = new Map(
      (list.resources ?? [])
        .filter(({ name }) => !name.includes('/')) // subresources
        .map(({ name, kind, namespaced }) => [kind, { plural: name, namespaced, group }]),
    );
    this.#known.set(apiVersion, served);
    return served;
  }
}

function wellKnownKind(apiVersion: string, kind: string): Resource | undefined {
  const plural = wellKnown[apiVersion]?.[kind];
  if (plural === undefined) return undefined;
  return { plural, namespaced: kind !== 'Namespace', group: groupOf(apiVersion) };
}

function groupOf(apiVersion: string): string {
  return apiVersion.includes('/') ? (apiVersion.split('/')[0] ?? '') : '';
}

export function groupPath(apiVersion: string): string {
  return apiVersion.includes('/') ? `/apis/${apiVersion}` : `/api/${apiVersion}`;
}

export function resourcePath(
  apiVersion: string,
  resource: Resource,
  at: { readonly namespace?: string | undefined; readonly name?: string },
): string {
  const namespace =
    resource.namespaced && at.namespace !== undefined
      ? `/namespaces/${encodeURIComponent(at.namespace)}`
      : '';
  const name = at.name === undefined ? '' : `/${encodeURIComponent(at.name)}`;
  return `${groupPath(apiVersion)}${namespace}/${resource.plural}${name}`;
}

function orAborted<T>(work: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (signal === undefined) {
    return work;
  }
  return new Promise((resolve, reject) => {
    const abort = () => reject(signal.reason);
    if (signal.aborted) {
      abort();
      return;
    }
    signal.addEventListener('abort', abort, { once: true });
    work.then(resolve, reject).finally(() => signal.removeEventListener('abort', abort));
  });
}
