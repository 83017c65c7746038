import { mustRun } from '../demo/src/command.ts';
import type { Stage } from '../demo/src/stage.ts';
import type { Scenario } from './scenario.ts';

/** A program of the shop and where it runs. */
export interface ShopProgram {
  readonly name: string;
  /** its cluster, or null for the catalog on the VM */
  readonly cluster: string | null;
  readonly container: string;
}

const inPods = (cluster: string, ...names: string[]): ShopProgram[] =>
  names.map((name) => ({ name, cluster, container: 'server' }));

/** Placed as in the source document. */
export const programs: readonly ShopProgram[] = [
  ...inPods('cluster1', 'adservice', 'checkoutservice', 'currencyservice', 'emailservice'),
  ...inPods('cluster1', 'paymentservice', 'recommendationservice', 'shippingservice'),
  ...inPods('cluster2', 'cartservice', 'frontend', 'loadgenerator'),
  { name: 'redis-cart', cluster: 'cluster2', container: 'redis' },
  { name: 'productcatalogservice', cluster: null, container: '' },
];

export function programNamed(name: string): ShopProgram {
  const program = programs.find((it) => it.name === name);
  if (!program) throw new TypeError(`the shop has no program called ${name}`);
  return program;
}

/** One life of a program: another one begins whenever its process is started again. */
export async function lifeOf(stage: Stage, program: ShopProgram): Promise<{ id: string; ready: boolean }> {
  const { name, cluster, container } = program;
  if (cluster === null) {
    const pid = (await stage.onVm('pgrep -u productcatalog')).stdout.trim();
    return { id: pid, ready: pid !== '' };
  }
  const text = await stage.kubectl(cluster, ['get', 'pods', '-l', `app=${name}`, '-o', 'json']);
  const { items }: { items: PodFacts[] } = JSON.parse(text);
  const pod = items.find((it) => it.metadata.deletionTimestamp === undefined);
  const status = pod?.status.containerStatuses?.find((it) => it.name === container);
  return {
    id: `${pod?.metadata.uid}/${status?.containerID}`,
    ready: pod?.status.conditions?.find((it) => it.type === 'Ready')?.status === 'True',
  };
}

interface PodFacts {
  readonly metadata: { readonly uid: string; readonly deletionTimestamp?: string };
  readonly status: {
    readonly conditions?: readonly { readonly type: string; readonly status: string }[];
    readonly containerStatuses?: readonly { readonly name: string; readonly containerID?: string }[];
  };
}

/** Kills a program's processes without a warning; in a pod its sidecar goes with it. */
export async function killProgram(stage: Stage, { name, cluster }: ShopProgram): Promise<void> {
  if (cluster === null) {
    const { ssh } = stage.vm;
    const kill = 'sudo pkill -KILL -u productcatalog';
    await mustRun(['ssh', '-F', ssh.config, ssh.host, kill], { signal: stage.signal });
    return;
  }
  await stage.meshlift(['lab', 'fault', 'kill', `${cluster}/${name}`, '--name', stage.labName], {
    quiet: true,
  });
}

/** Kills a program and waits until another life of it is ready. */
export async function killAndReturn(scenario: Scenario, program: ShopProgram): Promise<void> {
  const { stage } = scenario;
  const before = await lifeOf(stage, program);
  await killProgram(stage, program);
  await scenario.until(
    `${program.name} runs again`,
    async () => {
      const now = await lifeOf(stage, program);
      return now.ready && now.id !== before.id ? now : null;
    },
    90_000,
  );
}

/** Memory of a program's process in MB (1024 × 1024 bytes), as the kernel tells it. */
export interface Memory {
  readonly resident: number;
  /** the most that was ever resident since the process began */
  readonly peak: number;
}

export async function memoryMb(stage: Stage, program: ShopProgram): Promise<Memory> {
  const { name, cluster, container } = program;
  const status =
    cluster === null
      ? (await stage.onVm('cat /proc/"$(pgrep -u productcatalog)"/status')).stdout
      : await stage.kubectl(cluster, [
          ...['exec', `deploy/${name}`, '-c', container, '--', 'cat', '/proc/1/status'],
        ]);
  const mb = (field: string): number => {
    const kilobytes = new RegExp(`^${field}:\\s+(\\d+) kB$`, 'm').exec(status)?.[1];
    if (!kilobytes) throw new Error(`${name}: its process does not tell its memory:\n${status}`);
    return Number(kilobytes) / 1024;
  };
  return { resident: mb('VmRSS'), peak: mb('VmHWM') };
}

/** Milliseconds from the start of a program's process until it was ready, by its own log; null for Redis. */
export async function startedInMs(stage: Stage, program: ShopProgram): Promise<number | null> {
  const { name, cluster, container } = program;
  const log =
    cluster === null
      ? (await stage.onVm('sudo journalctl -u productcatalogservice --no-pager')).stdout
      : await stage.kubectl(cluster, ['logs', `deploy/${name}`, '-c', container]);
  const started = [...log.matchAll(/"message":"ready","startedInMs":(\d+)/g)].at(-1)?.[1];
  return started === undefined ? null : Number(started);
}
