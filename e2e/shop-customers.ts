import type { Stage } from '../demo/src/stage.ts';

/** What became of some requests of the shop's customers, by the load generator's own count. */
export interface RouteCount {
  readonly total: number;
  readonly failed: number;
  readonly failuresByKind: Readonly<Record<string, number>>;
  /** milliseconds */
  readonly latency: { readonly p50: number | null; readonly p99: number | null; readonly max: number | null };
}

export interface CustomerStats {
  readonly seconds: number;
  readonly requests: { readonly total: number; readonly failed: number };
  readonly failuresByKind: Readonly<Record<string, number>>;
  readonly byRoute: Readonly<Record<string, RouteCount>>;
}

/** Settings of the load generator, by the names of its environment variables. */
export type CustomerSettings = Readonly<Record<string, string>>;

/**
 * The shop's customers: its load generator, steered with kubectl as anybody would.
 * Counts begin anew whenever its settings change, because its pod is another one then.
 */
export class ShopCustomers {
  readonly #stage: Stage;
  #pod: string | null = null;

  constructor(stage: Stage) {
    this.#stage = stage;
  }

  /** Changes what the customers do; resolves once they shop that way. */
  async become(settings: CustomerSettings): Promise<void> {
    const assignments = Object.entries(settings).map(([name, value]) => `${name}=${value}`);
    this.#pod = null;
    await this.#kubectl('set', 'env', 'deployment/loadgenerator', ...assignments);
    await this.#kubectl('rollout', 'status', 'deployment/loadgenerator', '--timeout=120s');
  }

  /** Forgets which pod is theirs, after something else has replaced it. */
  async moved(): Promise<void> {
    this.#pod = null;
    await this.#kubectl('rollout', 'status', 'deployment/loadgenerator', '--timeout=120s');
  }

  /** Remembers this moment, for {@link since}. */
  async mark(): Promise<string> {
    const answer = await this.#kubectl(
      'create',
      '--raw',
      `${await this.#address()}/marks`,
      '-f',
      '/dev/null',
    );
    return (JSON.parse(answer) as { id: string }).id;
  }

  /** Everything counted since the mark. */
  async since(mark: string): Promise<CustomerStats> {
    const answer = await this.#kubectl('get', '--raw', `${await this.#address()}/stats?since=${mark}`);
    return JSON.parse(answer) as CustomerStats;
  }

  async #address(): Promise<string> {
    this.#pod ??= await this.#readyPod();
    return `/api/v1/namespaces/default/pods/${this.#pod}:8089/proxy`;
  }

  async #readyPod(): Promise<string> {
    const text = await this.#kubectl('get', 'pods', '-l', 'app=loadgenerator', '-o', 'json');
    const { items }: { items: { metadata: { name: string; deletionTimestamp?: string } }[] } =
      JSON.parse(text);
    const pod = items.find(({ metadata }) => metadata.deletionTimestamp === undefined);
    if (!pod) throw new Error('cluster2 has no pod of the load generator: is the shop applied there?');
    return pod.metadata.name;
  }

  #kubectl(...args: string[]): Promise<string> {
    return this.#stage.kubectl('cluster2', args);
  }
}
