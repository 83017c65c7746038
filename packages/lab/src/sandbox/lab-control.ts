import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, mkdirSync, openSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { LabError } from '../errors.ts';
import type { LinkFault } from '../faults/link-faults.ts';
import type { BootResult, LiveStatus } from '../inside/run-lab.ts';
import { type LabSettings, readSettings } from '../plan/lab-settings.ts';
import type { LabStatus } from '../plan/lab-status.ts';
import type { StateFolder } from '../plan/state-folder.ts';
import { removeOwnedByTheLab } from '../rootfs/ownership.ts';
import type { LabEvent } from '../supervisor/events.ts';
import { ADMIN } from '../vm/disk-files.ts';
import { LOCK_HELD, removeLabLock, withLabLock } from './lab-lock.ts';
import { callUnix, callUnixJson, jsonLines, NotListening } from './unix-http.ts';

const WARDEN = fileURLToPath(new URL('./warden-main.ts', import.meta.url));
const POLL_MS = 20;
const WARDEN_END_S = 10;

/** True while a lab of this name has its process on the host, booting or booted. */
export async function isUp(state: StateFolder): Promise<boolean> {
  try {
    await callUnixJson(state.wardenSocket, 'GET', '/warden');
    return true;
  } catch (error) {
    if (error instanceof NotListening) return false;
    throw error;
  }
}

/**
 * Starts the lab's warden, apart from this process; resolves once the sandbox answers. `compiled` is a folder
 * where the lab's programs may keep their sources compiled, for the next time.
 */
export async function startLab(
  state: StateFolder,
  settings: LabSettings,
  compiled: string,
  signal: AbortSignal,
): Promise<void> {
  mkdirSync(state.path, { recursive: true, mode: 0o700 });
  const log = openSync(state.wardenLog, 'a', 0o600);
  const [program, ...args] = withLabLock(state.lock, [
    process.execPath,
    '--disable-warning=ExperimentalWarning',
    WARDEN,
    state.path,
  ]);
  const child = spawn(program, args, {
    stdio: ['pipe', log, log],
    detached: true,
    env: { NODE_COMPILE_CACHE: compiled, ...process.env },
  });
  closeSync(log);
  let ended: string | null = null;
  child.once('error', (error) => {
    ended = `flock could not be started: ${error.message} (Debian package util-linux)`;
  });
  child.once('exit', (code) => {
    ended =
      code === LOCK_HELD
        ? `another command is working on the lab in ${state.path}: try again when it is done`
        : '';
  });
  child.stdin?.on('error', () => {});
  child.stdin?.end(JSON.stringify(settings));
  while (!(await answers(state))) {
    if (ended !== null) throw new LabError(ended || (await whyEnded(state)));
    if (signal.aborted) {
      // The warden ends the sandbox and clears away what there is by then; so does this, should it not get to it.
      child.kill('SIGTERM');
      await once(child, 'exit');
      await takeDown(state);
      throw new LabError('interrupted: nothing is left of what had been started');
    }
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
  child.unref();
}

/** Tells every event of the boot, from its beginning, until it ends; says how it ended. */
export async function followBoot(
  state: StateFolder,
  tell: (event: LabEvent) => void,
  signal: AbortSignal,
): Promise<BootResult> {
  try {
    const response = await callUnix(state.sandboxSocket, 'GET', '/events', { signal });
    for await (const line of jsonLines<LabEvent | BootResult>(response)) {
      if ('result' in line) return line;
      tell(line);
    }
  } catch (error) {
    signal.throwIfAborted();
    if (!(error instanceof NotListening) && (error as NodeJS.ErrnoException).code !== 'ECONNRESET')
      throw error;
  }
  return { result: 'failed', message: await whyEnded(state) };
}

/** The lab as it is now; null when there is none of this name. */
export async function readStatus(state: StateFolder): Promise<LabStatus | null> {
  const settings = await readSettings(state.settings).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return null;
    throw error;
  });
  if (settings === null) return null;
  const live = (await isUp(state)) ? await readLive(state) : notLive('stopped');
  const { plan, ports } = settings;
  const listen = (name: string) => `127.0.0.1:${ports[name] ?? 0}`;
  return {
    name: plan.name,
    state: live.state,
    stateDir: state.path,
    kubeconfig: state.kubeconfig,
    clusters: plan.clusters.map(({ name, network, addresses }) => ({
      name,
      context: name,
      network,
      apiServer: `https://${listen(`${name}/api`)}`,
      gateways: {
        ingress: { address: addresses.ingressGateway, http: `http://${listen(`${name}/ingress`)}` },
        eastwest: { address: addresses.eastWestGateway },
      },
    })),
    vm:
      plan.vm && settings.sidecarPackage
        ? {
            on: live.vmOn,
            address: plan.vm.address,
            ssh: { config: state.sshConfig, host: plan.vm.name, user: ADMIN.name },
            sidecarPackage: settings.sidecarPackage,
          }
        : null,
    forwards: plan.forwards.map(({ name, target }) => ({ name, listen: listen(name), target })),
    tools: {
      kubectl: join(settings.partsDir, 'bin', 'kubectl'),
      istioctl: join(settings.partsDir, 'bin', 'istioctl'),
    },
    versions: settings.versions,
    components: live.components,
  };
}

async function readLive(state: StateFolder): Promise<LiveStatus> {
  try {
    return await callUnixJson<LiveStatus>(state.sandboxSocket, 'GET', '/status');
  } catch (error) {
    if (error instanceof NotListening) return notLive('starting');
    throw error;
  }
}

function notLive(state: LiveStatus['state']): LiveStatus {
  return { state, components: [], vmOn: false };
}

/** What is broken on purpose at the moment. */
export async function readFaults(state: StateFolder): Promise<readonly LinkFault[]> {
  return (await callUnixJson<{ links: LinkFault[] }>(state.sandboxSocket, 'GET', '/faults')).links;
}

/** Ends the lab and removes everything of it; also clears what a crash left. False when there was nothing. */
export async function takeDown(state: StateFolder): Promise<boolean> {
  try {
    await callUnixJson(state.wardenSocket, 'POST', '/down');
    // The warden answers before it has quite ended; the lock that it holds is free once it has.
    await removeLabLock(state.lock, WARDEN_END_S);
    return true;
  } catch (error) {
    if (!(error instanceof NotListening)) throw error;
  }
  const left = await readSettings(state.settings).catch(() => null);
  await removeOwnedByTheLab(state.path);
  await removeLabLock(state.lock, 0);
  return left !== null;
}

async function answers(state: StateFolder): Promise<boolean> {
  return callUnixJson(state.sandboxSocket, 'GET', '/health').then(
    () => true,
    () => false,
  );
}

/** The last words of the processes that hold the lab. */
async function whyEnded(state: StateFolder): Promise<string> {
  const texts = await Promise.all(
    [state.supervisorLog, state.wardenLog].map((path) => readFile(path, 'utf8').catch(() => '')),
  );
  const words = texts.map((text) => text.trim().split('\n').slice(-5).join('\n')).filter(Boolean);
  return `the lab ended while it was starting: ${words.join('\n') || 'it left no message'}`;
}
