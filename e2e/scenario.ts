import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { parse, stringify } from 'yaml';
import { type CommandResult, runCommand } from '../demo/src/command.ts';
import { migrationFile } from '../demo/src/migration-file.ts';
import { type CustomerCount, customerCount, untilHome } from '../demo/src/shop.ts';
import { Stage } from '../demo/src/stage.ts';
import type { Storyteller } from '../demo/src/storyteller.ts';

export const root = resolve(import.meta.dirname, '..');

/** A migration file as a value, to be changed by a scenario before it is written. */
// biome-ignore lint/suspicious/noExplicitAny: scenarios write wrong files on purpose
export type MigrationDraft = any;

/**
 * One scenario's own lab, with what it needs on it. Everything is done through commands and APIs that users have;
 * what a command printed is kept, and shown when the scenario fails.
 */
export class Scenario {
  readonly stage: Stage;
  readonly folder: string;
  readonly log: string[] = [];
  readonly #stop = new AbortController();

  private constructor(name: string, folder: string) {
    this.folder = folder;
    this.stage = new Stage(root, `e2e-${name}`, this.#keeper(), this.#stop.signal);
  }

  static async begin(name: string): Promise<Scenario> {
    const scenario = new Scenario(name, await mkdtemp(join(tmpdir(), `meshlift-${name}-`)));
    await scenario.stage.meshlift(['lab', 'down', '--name', scenario.stage.labName], {
      quiet: true,
      mayFail: true,
    });
    await scenario.stage.labUp([join(root, 'packages/shop/images.json')]);
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
    const manifests = join(root, 'packages/shop/manifests/lab/endpoint-discovery');
    await Promise.all(
      this.stage.lab.clusters.map(({ context }) =>
        this.stage.kubectl(context, ['apply', '-k', join(manifests, context)]),
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

  /** Writes migration.yaml, after `change` had its way with the shop's one; answers its path. */
  async migration(
    change: (draft: MigrationDraft) => void = () => undefined,
    name = 'migration.yaml',
  ): Promise<string> {
    const draft: MigrationDraft = parse(migrationFile(this.stage));
    change(draft);
    const file = join(this.folder, name);
    await writeFile(file, stringify(draft));
    return file;
  }

  /** Runs `meshlift -f FILE …` to its end; its exit code is a result. */
  async meshlift(file: string, ...args: string[]): Promise<CommandResult> {
    const result = await this.stage.meshlift(['-f', file, ...args], { mayFail: true });
    this.log.push(`$ meshlift ${args.join(' ')} → ${result.exitCode}\n${result.stderr}${result.stdout}`);
    return result;
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

  async report(file: string): Promise<Report> {
    const folder = join(this.folder, 'report');
    await this.stage.meshlift(['-f', file, 'report', '--folder', folder], { quiet: true });
    return JSON.parse(await readFile(join(folder, 'report.json'), 'utf8')) as Report;
  }

  /** The split that a cluster's API server has, as `vm/k8s`; null without one. */
  async splitIn(cluster: string): Promise<string | null> {
    const text = await this.stage.kubectl(cluster, [
      'get',
      'virtualservice',
      'meshlift-productcatalogservice',
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

  /** The status that the home cluster has of the migration. */
  // biome-ignore lint/suspicious/noExplicitAny: whatever the record holds
  async status(): Promise<any> {
    const text = await this.stage.kubectl('cluster1', [
      'get',
      'migrations.meshlift.dev',
      'productcatalog',
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
        const names = await this.stage.kubectl(context, ['get', kinds, '-n', 'default', '-o', 'name']);
        const crds = await this.stage.kubectl(context, ['get', 'crds', '-o', 'name']);
        return `${context}\n${names}${crds
          .split('\n')
          .filter((it) => it.includes('meshlift'))
          .join('\n')}`;
      }),
    );
    const vm = await this.onVm(
      'cat /etc/hosts; ls -A /etc/istio /var/lib/istio /etc/certs 2>/dev/null || true; dpkg -l istio-sidecar 2>/dev/null | tail -1',
    );
    return [...clusters, vm.stdout].join('\n');
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
    return { step: (_n, title) => keep(title), say: keep, byHand: keep, measured: keep, line: keep };
  }
}

/** report.json, as far as scenarios look at it. */
export interface Report {
  readonly requests: { readonly total: number; readonly failed: number };
  readonly durationSeconds: number;
  readonly splits: readonly { readonly skewMs: number | null; readonly outcome: string }[];
}

export async function run(command: readonly string[]): Promise<CommandResult> {
  return runCommand(command, { signal: AbortSignal.timeout(600_000) });
}
