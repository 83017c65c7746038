import type { ApiClient, KubeObject } from '../kube/api-client.ts';

/** A Service as far as its LoadBalancer address is concerned. */
export interface LoadBalancerService extends KubeObject {
  readonly spec: { readonly type?: string; readonly loadBalancerIP?: string };
  readonly status?: { readonly loadBalancer?: { readonly ingress?: readonly { readonly ip?: string }[] } };
}

/** Puts an address on the cluster's machine, or takes it off: kube-proxy does the rest. */
export interface AddressHolder {
  hold(address: string, signal: AbortSignal): Promise<void>;
  release(address: string, signal: AbortSignal): Promise<void>;
}

const RETRY_MS = 500;

/**
 * Which address each Service has. A Service gets the address that it asks for (`spec.loadBalancerIP`) when
 * that is one of the cluster's and free, else the first free one that nobody's name is on.
 */
export class AddressBook {
  readonly #pool: readonly string[];
  readonly #reserved: ReadonlySet<string>;
  readonly #held = new Map<string, string>();

  constructor(pool: readonly string[], reserved: readonly string[]) {
    this.#pool = pool;
    this.#reserved = new Set(reserved);
  }

  /** The Service's address, the same on every call until `release`; null when none is left. */
  assign(service: string, wanted?: string): string | null {
    const held = this.#held.get(service);
    if (held) return held;
    const taken = new Set(this.#held.values());
    const free = (address: string) => !taken.has(address);
    const address =
      wanted && this.#pool.includes(wanted) && free(wanted)
        ? wanted
        : this.#pool.find((candidate) => free(candidate) && !this.#reserved.has(candidate));
    if (!address) return null;
    this.#held.set(service, address);
    return address;
  }

  /** Those that have an address. */
  services(): string[] {
    return [...this.#held.keys()];
  }

  /** Frees the Service's address and returns it; null when it had none. */
  release(service: string): string | null {
    const address = this.#held.get(service) ?? null;
    this.#held.delete(service);
    return address;
  }
}

/**
 * Gives every Service of type LoadBalancer an address that the other clusters, the VM and the host's
 * forwards reach, until the signal aborts. `problem` hears of failures, which are retried.
 */
export async function serveLoadBalancers(
  api: ApiClient,
  book: AddressBook,
  holder: AddressHolder,
  signal: AbortSignal,
  problem: (error: Error) => void,
): Promise<void> {
  while (!signal.aborted) {
    try {
      for await (const event of api.watch<LoadBalancerService>('/api/v1/services', signal)) {
        if (event.type === 'LISTED') {
          await releaseGone(book, holder, signal, event.objects.map(keyOf));
          for (const service of event.objects) await settle(api, book, holder, signal, service, false);
        } else {
          await settle(api, book, holder, signal, event.object, event.type === 'DELETED');
        }
      }
    } catch (error) {
      if (signal.aborted) return;
      problem(error as Error);
    }
    await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
  }
}

function keyOf({ metadata }: LoadBalancerService): string {
  return `${metadata.namespace}/${metadata.name}`;
}

/** Services may have been deleted while nobody watched, as when the API server was away. */
async function releaseGone(
  book: AddressBook,
  holder: AddressHolder,
  signal: AbortSignal,
  present: readonly string[],
): Promise<void> {
  for (const service of book.services().filter((held) => !present.includes(held))) {
    const freed = book.release(service);
    if (freed) await holder.release(freed, signal);
  }
}

async function settle(
  api: ApiClient,
  book: AddressBook,
  holder: AddressHolder,
  signal: AbortSignal,
  service: LoadBalancerService,
  deleted: boolean,
): Promise<void> {
  const { namespace, name } = service.metadata;
  const key = keyOf(service);
  if (deleted || service.spec.type !== 'LoadBalancer') {
    const freed = book.release(key);
    if (freed) await holder.release(freed, signal);
    return;
  }
  const current = service.status?.loadBalancer?.ingress?.[0]?.ip;
  const address = book.assign(key, current ?? service.spec.loadBalancerIP);
  if (!address) throw new Error(`Service ${key}: every LoadBalancer address of this cluster is in use`);
  if (address === current) return;
  await holder.hold(address, signal);
  await api.merge(
    `/api/v1/namespaces/${namespace}/services/${name}/status`,
    { status: { loadBalancer: { ingress: [{ ip: address, ipMode: 'VIP' }] } } },
    signal,
  );
}
