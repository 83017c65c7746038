import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { expect } from 'vitest';
import { parse, stringify } from 'yaml';
import { type CommandResult, runCommand } from '../demo/src/command.ts';
import { migrationFile } from '../demo/src/migration-file.ts';
import { type CustomerCount, customerCount, untilHome } from '../demo/src/shop.ts';
import { Stage } from '../demo/src/stage.ts';
import type { Storyteller } from '../demo/src/storyteller.ts';
import { type Engine, startEngine } from './engine.ts';
import { type ShopWishes, writeShopOverlay } from './shop-overlay.ts';

export const root = resolve(import.meta.dirname, '..');

/** A migration file as a value, to be changed by a scenario before it is written. */
// biome-ignore lint/suspicious/noExplicitAny: scenarios write wrong files on purpose
export type MigrationDraft = any;

export interface ScenarioOptions {
  /** 2 unless given; customers come in by cluster2, and clusters after it only call the catalog */
  readonly clusters?: 1 | 2 | 3 | 4;
  readonly topology?: 'endpoint-discovery' | 'global-names';
  /** where the catalog belongs; its callers are in `default` */
  readonly namespace?: string;
  /** settings of the load generator, by the names of its environment variables */
  readonly customers?: Readonly<Record<string, string>>;
  /** catalogues of images; the shop's unless given */
  readonly images?: readonly string[];
}

/**
 * One scenario's own lab, with what it needs on it. Everything is done through commands and APIs that users have;
 * what a command printed is kept, and shown when the scenario fails.
 */
export class Scenario {
  readonly stage: Stage;
  readonly folder: string;
  readonly log: string[] = [];
  readonly topology: 'endpoint-discovery' | 'global-names';
  readonly namespace: string;
  readonly #wishes: ShopWishes;
  readonly #stop = new AbortController();

  private constructor(name: string, folder: string, options: ScenarioOptions) {
    this.folder = folder;
    this.topology = options.topology ?? 'endpoint-discovery';
    this.namespace = options.namespace ?? 'default';
    const { topology, namespace } = this;
    this.#wishes = { topology, namespace, customers: options.customers ?? {} };
    this.stage = new Stage(root, `e2e-${name}`, this.#keeper(), this.#stop.signal);
  }

  static async begin(name: string, options: ScenarioOptions = {}): Promise<Scenario> {
    const scenario = new Scenario(name, await mkdtemp(join(tmpdir(), `meshlift-${name}-`)), options);
    await scenario.stage.meshlift(['lab', 'down', '--name', scenario.stage.labName], {
      quiet: true,
      mayFail: true,
    });
    await scenario.stage.labUp(options.images ?? [join(root, 'packages/shop/images.json')], options);
    if (scenario.topology === 'global-names') await scenario.#setApart();
    return scenario;
  }

  /** Ends the lab and removes the scenario's folder; told to keep it (KEEP_LAB=1), says where everything is. */
  async end(): Promise<void> {
    if (process.env.KEEP_LAB) {
      process.stderr.write(`kept: lab ${this.stage.labName}, folder ${this.folder}\n`);
      return;
    }
    await this.stage.meshlift(['lab', 'down', '--name', this.stage.labName], { quiet: true });
    await rm(this.folder, { recursive: true, force: true });
  }

  /** The shop without its catalog in both clusters, and the catalog running on the VM. */
  async shop(): Promise<void> {
    await Promise.all([this.shopInClusters(), this.catalogOnVm()]);
  }

  async shopInClusters(): Promise<void> {
    await Promise.all(
      this.stage.lab.clusters.map(async ({ context }) => {
        if (this.namespace !== 'default') await this.#catalogService(context);
        const folder = join(this.folder, 'shop', context);
        await writeShopOverlay(folder, context, this.#wishes);
        await this.stage.kubectl(context, ['apply', '-k', folder]);
      }),
    );
  }

  /** The catalog's own namespace, with the Service that its callers need; the migration brings the pods. */
  async #catalogService(context: string): Promise<void> {
    const { namespace } = this;
    const manifest = join(root, 'packages/shop/manifests/services/productcatalogservice.yaml');
    const labelled = stringify({
      apiVersion: 'v1',
      kind: 'Namespace',
      metadata: { name: namespace, labels: { 'istio-injection': 'enabled' } },
    });
    await this.stage.kubectl(context, ['apply', '-f', '-'], labelled);
    await this.stage.kubectl(context, ['apply', '-n', namespace, '-f', manifest]);
  }

  /** Takes from every cluster what it would need to read another. */
  async #setApart(): Promise<void> {
    await Promise.all(
      this.stage.lab.clusters.map(({ context }) =>
        this.stage.kubectl(context, [
          ...['-n', 'istio-system', 'delete', 'secrets', '-l', 'istio/multiCluster=true'],
        ]),
      ),
    );
  }

  async catalogOnVm(): Promise<void> {
    const files = {
      'install.sh': join(root, 'packages/shop/vm/install.sh'),
      'productcatalogservice.service': join(root, 'packages/shop/vm/productcatalogservice.service'),
      'productcatalogservice.mjs': join(root, 'packages/shop/dist/productcatalogservice.mjs'),
      node: process.execPath,
    };
    await this.stage.toVm(files, 'catalog');
    await this.onVm('sudo sh catalog/install.sh');
  }

  /** Waits until customers shop and the load generator counts. */
  async customersShopping(): Promise<void> {
    await untilHome(
      this.stage,
      'a page with products',
      (page) => page.status === 200 && page.servedBy !== null,
    );
    await this.stage.kubectl('cluster2', ['rollout', 'status', 'deployment/loadgenerator', '--timeout=90s']);
  }

  /**
   * Where most scenarios begin: the shop, the migration's file, the VM in the mesh, and customers shopping. Answers the
   * file's path.
   */
  async joined(change?: (draft: MigrationDraft) => void): Promise<string> {
    await this.shop();
    const file = await this.migration(change);
    await this.join(file);
    return file;
  }

  /** The same, and the copy deployed. */
  async deployed(change?: (draft: MigrationDraft) => void): Promise<string> {
    const file = await this.joined(change);
    await this.done(file, 'deploy');
    return file;
  }

  async join(file: string): Promise<void> {
    await this.done(file, 'vm', 'join');
    await this.customersShopping();
  }

  /** Writes migration.yaml, after `change` had its way with the shop's one; answers its path. */
  async migration(
    change: (draft: MigrationDraft) => void = () => undefined,
    name = 'migration.yaml',
  ): Promise<string> {
    const draft: MigrationDraft = parse(migrationFile(this.stage));
    draft.metadata.namespace = this.namespace;
    draft.spec.topology = this.topology;
    // The demo holds each step for its audience, and its count.
    draft.spec.rollout.hold = '6s';
    draft.spec.clusters = this.stage.lab.clusters.map(({ name, context }, i, all) => ({
      ...{ name, context, home: i === 0, target: i === Math.min(1, all.length - 1) },
    }));
    change(draft);
    const file = join(this.folder, name);
    await writeFile(file, stringify(draft));
    return file;
  }

  /** Runs `meshlift -f FILE …` to its end; its exit code is a result. */
  async meshlift(file: string, ...args: string[]): Promise<CommandResult> {
    return this.#unlessTooBusy(async () => {
      const result = await this.stage.meshlift(['-f', file, ...args], { mayFail: true });
      this.log.push(`$ meshlift ${args.join(' ')} → ${result.exitCode}\n${result.stderr}${result.stdout}`);
      return result;
    });
  }

  /** Commands look before they act: on a machine that is too busy to answer a check in time, they are asked again. */
  async #unlessTooBusy(command: () => Promise<CommandResult>): Promise<CommandResult> {
    for (let left = 5; ; left -= 1) {
      const result = await command();
      const tooBusy = result.exitCode === 79 && /no answer within \d+ ms/.test(result.stderr);
      if (!tooBusy || left === 0) return result;
    }
  }

  /** The same for a command that has to reach what it is for. */
  async done(file: string, ...args: string[]): Promise<CommandResult> {
    const result = await this.meshlift(file, ...args);
    expect(result.exitCode, this.log.join('\n')).toBe(0);
    return result;
  }

  /** Starts `meshlift -f FILE …` and lets it run once it has looked; its process can be sent signals. */
  async engine(file: string, ...args: string[]): Promise<Engine> {
    let engine = this.#start(file, args);
    await this.#unlessTooBusy(async () => {
      if (engine.hasEnded()) engine = this.#start(file, args);
      const looked = { exitCode: 0, stdout: '', stderr: '' };
      return this.until(`meshlift ${args.join(' ')} to begin`, async () => {
        if (engine.hasEnded()) return engine.ended;
        return /^[\d:]+ (?:[►✔!]|.*\bit comes after\b)/m.test(engine.said()) ? looked : null;
      });
    });
    return engine;
  }

  #start(file: string, args: readonly string[]): Engine {
    const engine = startEngine(this.stage.lab.kubeconfig, file, args);
    const keep = ({ exitCode, stderr, stdout }: CommandResult) =>
      void this.log.push(`$ meshlift ${args.join(' ')} (beside) → ${exitCode}\n${stderr}${stdout}`);
    engine.ended.then(keep, () => undefined); // whoever waits for its end hears why there was none
    return engine;
  }

  /** `meshlift lab …` on this scenario's lab: breaks something, or mends it. */
  async lab(...args: string[]): Promise<void> {
    await this.stage.meshlift(['lab', ...args, '--name', this.stage.labName], { quiet: true });
  }

  async onVm(script: string): Promise<CommandResult> {
    const result = await this.stage.onVm(script);
    if (result.exitCode !== 0)
      throw new Error(`on the VM, ${script} ended with ${result.exitCode}: ${result.stderr}`);
    return result;
  }

  async customers(): Promise<CustomerCount> {
    return customerCount(this.stage);
  }

  /** Waits until customers sent some requests more; answers how many failed, and how many catalog calls the copy had. */
  async meanwhile(requests: number): Promise<{ readonly failed: number; readonly k8s: number }> {
    const before = await this.customers();
    const after = await this.until(`${requests} more requests`, async () => {
      const now = await this.customers();
      return now.requests.total - before.requests.total >= requests ? now : null;
    });
    const k8s = (it: CustomerCount) => it.catalogCalls?.bySide?.k8s ?? 0;
    return { failed: after.requests.failed - before.requests.failed, k8s: k8s(after) - k8s(before) };
  }

  /** The split that a cluster's API server has, as `vm/k8s`; null without one. */
  async splitIn(cluster: string, service = 'productcatalogservice'): Promise<string | null> {
    const text = await this.stage.kubectl(cluster, [
      ...['-n', this.namespace],
      'get',
      'virtualservice',
      `meshlift-${service}`,
      '--ignore-not-found',
      '-o',
      'json',
    ]);
    if (!text.trim()) return null;
    const routes: { destination: { host: string }; weight?: number }[] =
      JSON.parse(text).spec.http.at(-1).route;
    const weight = (side: string) =>
      routes.find((it) => it.destination.host.includes(`-${side}.`))?.weight ?? 0;
    return `${weight('vm')}/${weight('gke')}`;
  }

  /** The status that the home cluster has of a migration. */
  // biome-ignore lint/suspicious/noExplicitAny: whatever the record holds
  async status(migration = 'productcatalog'): Promise<any> {
    const text = await this.stage.kubectl('cluster1', [
      ...['-n', this.namespace],
      'get',
      'migrations.meshlift.dev',
      migration,
      '-o',
      'json',
    ]);
    return JSON.parse(text).status;
  }

  /** Everything that Meshlift may have written, in every cluster and on the VM, as one text to compare. */
  async world(): Promise<string> {
    const kinds =
      'virtualservices,serviceentries,destinationrules,workloadentries,workloadgroups,serviceaccounts,deployments,configmaps,leases';
    const clusters = await Promise.all(
      this.stage.lab.clusters.map(async ({ context }) => {
        const names = await this.stage.kubectl(context, ['get', kinds, '-n', this.namespace, '-o', 'name']);
        const crds = await this.stage.kubectl(context, ['get', 'crds', '-o', 'name']);
        return `${context}\n${names}${crds
          .split('\n')
          .filter((it) => it.includes('meshlift'))
          .join('\n')}`;
      }),
    );
    return [...clusters, await this.worldOfVm()].join('\n');
  }

  /** The VM's part of it: names, files, package. */
  async worldOfVm(): Promise<string> {
    const { stdout } = await this.onVm(
      'cat /etc/hosts; ls -A /etc/istio /var/lib/istio /etc/certs 2>/dev/null || true; dpkg -l istio-sidecar 2>/dev/null | tail -1',
    );
    return stdout;
  }

  /** Names of what is left of Meshlift in a cluster, the way to pods elsewhere not counted. */
  async leftIn(cluster: string): Promise<readonly string[]> {
    const kinds =
      'virtualservices,serviceentries,destinationrules,workloadentries,workloadgroups,configmaps,leases,serviceaccounts';
    const text = await this.stage.kubectl(cluster, [
      ...['get', kinds, '-n', this.namespace, '-l', 'meshlift.dev/migration', '-o', 'name'],
    ]);
    return text.split('\n').filter(Boolean);
  }

  async until<T>(what: string, look: () => Promise<T | null>, deadlineMs = 60_000): Promise<T> {
    const deadline = Date.now() + deadlineMs;
    for (;;) {
      const seen = await look();
      if (seen !== null) return seen;
      if (Date.now() > deadline)
        throw new Error(`${what}: not within ${deadlineMs / 1000} s\n${this.log.join('\n')}`);
      await delay(200);
    }
  }

  #keeper(): Storyteller {
    const keep = (text: string) => void this.log.push(text);
    return {
      step: (_n, title) => keep(title),
      say: keep,
      byHand: keep,
      measured: keep,
      line: keep,
      during: (_waiting, work) => work,
    };
  }
}

/** For a migration that is not about latency: on a busy machine that is the machine's own. */
export function atAnyLatency(draft: MigrationDraft): void {
  draft.spec.rollout.gate.p99Tolerance = '10s';
}

/** Half of what customers usually ask for, where what breaks takes as much of the machine. */
export const fewerCustomers = { RATE: '5', CATALOG_RATE: '60', RECOMMENDATION_RATE: '25' } as const;
/** Of the catalog, by these customers and for them. */
export const fewerCallsPerSecond = 100;

export async function run(command: readonly string[]): Promise<CommandResult> {
  return runCommand(command, { signal: AbortSignal.timeout(600_000) });
}
