import { readdir, rm } from 'node:fs/promises';
import type { Server } from 'node:net';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type LabSettings, writeSettings } from '../plan/lab-settings.ts';
import type { StateFolder } from '../plan/state-folder.ts';
import { removeOwnedByTheLab } from '../rootfs/ownership.ts';
import { openForward } from './forward.ts';
import { listenUnix } from './unix-server.ts';
import { killSandbox, startSandbox } from './unshare.ts';

/** How long the sandbox may take to end by itself before it is killed; what it runs ends with it either way. */
const END_MS = 1_500;
const SUPERVISOR = fileURLToPath(new URL('../supervisor/main.ts', import.meta.url));

/**
 * The lab's process on the host. It keeps the forwards' ports, holds the sandbox's lifeline, and answers
 * `lab status` and `lab down`. Ends when the sandbox has, by itself or on request.
 */
export async function runWarden(state: StateFolder, given: LabSettings): Promise<number> {
  await clearLeftovers(state);
  const sockets: Server[] = [];
  const ports: Record<string, number> = {};
  for (const { name, target } of given.plan.forwards) {
    const { server, port } = await openForward(target, state.sandboxSocket);
    sockets.push(server);
    ports[name] = port;
  }
  const settings: LabSettings = { ...given, ports };
  await writeSettings(state.settings, settings);

  const sandbox = startSandbox({
    init: join(settings.partsDir, 'bin', 'labinit'),
    argv: [process.execPath, '--disable-warning=ExperimentalWarning', SUPERVISOR, state.settings],
    userNamespace: settings.userNamespace,
    log: state.supervisorLog,
  });
  const ended = new Promise<string>((resolve) => {
    sandbox.once('error', (error) => resolve(`unshare could not be started: ${error.message}`));
    sandbox.once('exit', (code, signal) => resolve(signal ? `signal ${signal}` : `exit code ${code}`));
  });

  let downRequested = false;
  const end = async () => {
    downRequested = true;
    sandbox.stdin?.end();
    const timer = setTimeout(() => killSandbox(sandbox), END_MS);
    await ended;
    clearTimeout(timer);
    await removeOwnedByTheLab(state.path);
  };
  const { promise: removed, resolve: markRemoved } = Promise.withResolvers<void>();
  const control = await listenUnix(state.wardenSocket, {
    'GET /warden': () => ({ pid: process.pid }),
    'POST /down': async () => {
      await end();
      markRemoved();
      return { removed: state.path };
    },
  });
  for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) {
    process.on(signal, () => {
      end().then(markRemoved, () => process.exit(1));
    });
  }

  const how = await ended;
  if (downRequested) await removed;
  else {
    // Its logs stay for whoever asks why; `up` and `down` clear them away.
    process.stderr.write(`the sandbox ended with ${how}\n`);
    await rm(state.wardenSocket, { force: true });
    await rm(state.sandboxSocket, { force: true });
  }
  for (const socket of sockets) socket.close();
  control.close();
  return downRequested ? 0 : 1;
}

/** What a lab that was not taken down has left, but for the log of the process that is clearing it away. */
async function clearLeftovers(state: StateFolder): Promise<void> {
  const left = (await readdir(state.path)).map((name) => join(state.path, name));
  await removeOwnedByTheLab(...left.filter((path) => path !== state.wardenLog));
}
