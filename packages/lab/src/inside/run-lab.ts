import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import { connect } from 'node:net';
import { UnknownName } from '../errors.ts';
import { LinkFaults } from '../faults/link-faults.ts';
import { podsMeant, processesOfPod } from '../faults/pod-processes.ts';
import type { KubeObject } from '../kube/api-client.ts';
import { buildNetwork } from '../network/build-network.ts';
import { type LabPlan, machinesOf } from '../plan/lab-plan.ts';
import { readSettings } from '../plan/lab-settings.ts';
import type { LabStatus } from '../plan/lab-status.ts';
import { StateFolder } from '../plan/state-folder.ts';
import { join as joinSockets } from '../sandbox/forward.ts';
import { listenUnix, readJson } from '../sandbox/unix-server.ts';
import { EventLog } from '../supervisor/events.ts';
import { ProcessLauncher } from '../supervisor/launcher.ts';
import { LogRotation } from '../supervisor/log-rotation.ts';
import { memoryOf, readProcesses } from '../supervisor/process-memory.ts';
import { Supervisor } from '../supervisor/supervisor.ts';
import { until } from '../supervisor/until.ts';
import { killVm, powerOffVm, readPower, rebootVm, startVm } from '../vm/power.ts';
import { answersSsh } from '../vm/vm.ts';
import { type AssembledLab, assembleLab, VM_POWER } from './assemble-lab.ts';
import { makePrivateMounts } from './private-mounts.ts';

const VM_BOOT_MS = 30_000;
/** A power switch answers at once, or its process is in no state to. */
const VM_POWER_MS = 1_000;

/** How the boot stands; the last line of `GET /events`. */
export type BootResult =
  | { readonly result: 'ready' }
  | { readonly result: 'failed'; readonly message: string };

/** What only the sandbox knows of a lab: `GET /status`. */
export interface LiveStatus extends Pick<LabStatus, 'state' | 'components'> {
  readonly vmOn: boolean;
}

/** Runs inside the sandbox, as the only child of its first process, until it is killed. */
export async function runSandbox(settingsPath: string): Promise<void> {
  const settings = await readSettings(settingsPath);
  const state = new StateFolder(settings.stateDir);
  const events = new EventLog();
  const started = performance.now();
  const now = () => performance.now() - started;
  const supervisor = new Supervisor(new ProcessLauncher(state.logs), events, now);
  const links = new LinkFaults(machinesOf(settings.plan).map(({ name }) => name));
  let boot: LabStatus['state'] = 'starting';
  let lab: AssembledLab | null = null;
  const { promise: result, resolve: settle } = Promise.withResolvers<BootResult>();

  const server = await listenUnix(state.sandboxSocket, {
    'GET /health': () => ({ state: boot }),
    'GET /status': async (): Promise<LiveStatus> => ({
      state: boot,
      components: measured(supervisor),
      vmOn: settings.plan.vm !== null && (await isVmOn()),
    }),
    'GET /events': (request, response) => streamEvents(events, result, request, response),
    'GET /faults': () => ({ links: links.list() }),
    'POST /faults/cut': async (request) => {
      const { machine = '' } = await readJson<{ machine: string }>(request);
      await links.cut(machine);
    },
    'POST /faults/delay': async (request) => {
      const { machine = '', milliseconds = 0 } = await readJson<{ machine: string; milliseconds: number }>(
        request,
      );
      await links.delay(machine, milliseconds);
    },
    'POST /faults/heal': async (request) => {
      const { machine } = await readJson<{ machine: string }>(request);
      return { healed: await links.heal(machine) };
    },
    'POST /kill': async (request) => {
      const { name = '' } = await readJson<{ name: string }>(request);
      if (supervisor.kill(name)) return { killed: [name] };
      return { killed: await killPods(name, lab) };
    },
    'POST /vm/reboot': () => rebootVm(VM_POWER).then(() => vmAnswers(settings.plan)),
    'POST /vm/start': () => startVm(VM_POWER).then(() => vmAnswers(settings.plan)),
    'POST /vm/stop': () => powerOffVm(VM_POWER),
    'POST /vm/kill': () => killVm(VM_POWER),
  });
  serveConnects(server);

  try {
    await makePrivateMounts();
    [lab] = await Promise.all([assembleLab(settings, state), buildNetwork(machinesOf(settings.plan))]);
    await supervisor.start(lab.components, lab.tasks);
    new LogRotation(state.logs).start((problem) => process.stderr.write(`${problem}\n`));
    boot = 'running';
    settle({ result: 'ready' });
  } catch (error) {
    // The sandbox stays, so that what went wrong can be looked at; whoever started it decides.
    settle({ result: 'failed', message: (error as Error).message });
  }
}

/** Before its component runs, and while that is started again, it is off. */
function isVmOn(): Promise<boolean> {
  return readPower(VM_POWER, AbortSignal.timeout(VM_POWER_MS)).then(
    ({ on }) => on,
    () => false,
  );
}

async function vmAnswers({ vm }: LabPlan): Promise<void> {
  if (!vm) return;
  const signal = AbortSignal.timeout(VM_BOOT_MS);
  await until(async (now) => ((await answersSsh(vm.address, 22, now)) ? null : 'sshd to answer'), {
    signal,
    deadlineMs: VM_BOOT_MS,
    waitingFor: () => {},
  });
}

/** Kills what runs in the pods of a workload, such as `cluster1/istiod`; the kubelet starts it again. */
async function killPods(name: string, lab: AssembledLab | null): Promise<string[]> {
  const [clusterName = '', workload = ''] = name.split('/');
  const api = lab?.apis.get(clusterName);
  if (!api || workload === '')
    throw new UnknownName(`the lab has no component ${name}: \`lab logs\` lists them`);
  const { items } = await api.get<{ items: KubeObject[] }>('/api/v1/pods');
  const pods = podsMeant(
    workload,
    items.map(({ metadata }) => metadata.name),
  );
  if (pods.length === 0)
    throw new UnknownName(`${clusterName} has neither a component nor pods called ${workload}`);
  for (const pid of pods.flatMap((pod) => processesOfPod(pod))) {
    try {
      process.kill(pid, 'SIGKILL');
    } catch (error) {
      // It ended with one that was killed before it.
      if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
    }
  }
  return pods.map((pod) => `${clusterName}/${pod}`);
}

function measured(supervisor: Supervisor): LabStatus['components'] {
  const states = supervisor.components();
  const pids = states.flatMap(({ pid }) => (pid === null ? [] : [pid]));
  const memory = memoryOf(pids, readProcesses());
  return states.map((state) => ({
    ...state,
    rssBytes: state.pid === null ? 0 : (memory.get(state.pid) ?? 0),
  }));
}

function streamEvents(
  events: EventLog,
  result: Promise<BootResult>,
  request: IncomingMessage,
  response: ServerResponse,
): void {
  response.writeHead(200, { 'content-type': 'application/x-ndjson' });
  const send = (line: unknown) => response.write(`${JSON.stringify(line)}\n`);
  const unfollow = events.follow(send);
  request.once('close', unfollow);
  response.once('close', unfollow);
  result.then((last) => {
    unfollow();
    send(last);
    response.end();
  });
}

/** The inner end of the host's forwards: CONNECT 10.10.1.10:6443. */
function serveConnects(server: Server): void {
  server.on('connect', (request, client, head) => {
    const [host = '', port = ''] = (request.url ?? '').split(':');
    const inside = connect({ host, port: Number(port), allowHalfOpen: true });
    client.on('error', () => inside.destroy());
    inside.once('error', () => client.destroy());
    inside.once('connect', () => {
      client.write('HTTP/1.1 200 OK\r\n\r\n');
      inside.write(head);
      joinSockets(client, inside);
    });
  });
}
