import { mkdirSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { userInfo } from 'node:os';
import { join } from 'node:path';
import { EXIT, LabError } from '../errors.ts';
import { planLab } from '../plan/lab-plan.ts';
import type { LabStatus } from '../plan/lab-status.ts';
import type { StateFolder } from '../plan/state-folder.ts';
import { labsFolder } from '../plan/state-folder.ts';
import { followBoot, isUp, readStatus, startLab, takeDown } from '../sandbox/lab-control.ts';
import type { LabEvent } from '../supervisor/events.ts';
import { BootLines, seconds } from './boot-lines.ts';
import { BootTree } from './boot-tree.ts';
import { readCatalogues } from './catalogues.ts';
import { stateOf } from './find-lab.ts';
import { thisMachine } from './host-machine.ts';
import { checkHost } from './host-requirements.ts';
import { type LabIo, print, say } from './io.ts';
import { cacheFolder, prepareMaterial } from './material.ts';

export interface UpOptions {
  readonly name: string;
  readonly clusters: number;
  readonly vm: boolean;
  readonly images: readonly string[];
  readonly leaveFailed?: boolean;
  readonly output?: string;
}

const LOG_LINES = 15;

export async function up(options: UpOptions, io: LabIo): Promise<number> {
  const started = performance.now();
  const state = stateOf(options.name, io);
  const catalogues = await readCatalogues(options.images, io.cwd);
  if (await isUp(state)) return joinRunning(options, state, io);

  const problem = state.problemOfNew();
  if (problem) throw new LabError(problem, EXIT.badInput);
  mkdirSync(labsFolder(io.env), { recursive: true, mode: 0o700 });
  const ordinaryUser = process.getuid?.() === 0 ? null : userInfo().username;
  const { clusters } = options;
  const stateRoot = labsFolder(io.env);
  await checkHost({ clusters, stateRoot, path: io.env.PATH ?? '', ordinaryUser }, thisMachine);
  const material = await prepareMaterial({ vm: options.vm }, io);
  await startLab(
    state,
    {
      plan: planLab(options),
      stateDir: state.path,
      ...material,
      catalogues,
      ports: {},
      userNamespace: ordinaryUser !== null,
    },
    join(cacheFolder(io.env), 'compiled'),
    io.signal,
  );
  await follow(options, state, io);
  return announce(options, state, io, `lab ${options.name} is up (${seconds(performance.now() - started)})`);
}

/** Another `up` has started the lab, now or long ago: wait until it is there, and say so. */
async function joinRunning(options: UpOptions, state: StateFolder, io: LabIo): Promise<number> {
  const status = await readStatus(state);
  if (status?.state === 'starting') {
    say(io, `lab ${options.name} is being started already: waiting for it`);
    await follow({ ...options, leaveFailed: true }, state, io);
  }
  if (status && (status.clusters.length !== options.clusters || (status.vm !== null) !== options.vm)) {
    throw new LabError(
      `lab ${options.name} is running with --clusters ${status.clusters.length} and ${status.vm ? 'a VM' : '--no-vm'}: take it down first, or choose another --name`,
      EXIT.badInput,
    );
  }
  return announce(options, state, io, `lab ${options.name} is running already`);
}

/** Tells the boot until it has ended; a lab that did not come up is taken down again. */
async function follow(options: UpOptions, state: StateFolder, io: LabIo): Promise<void> {
  const view = io.terminal
    ? new BootTree(io.stderr, () => ({
        columns: process.stderr.columns || 80,
        rows: process.stderr.rows || 24,
      }))
    : new BootLines((line) => say(io, line));
  view.start();
  let failed: LabEvent | null = null;
  try {
    const tell = (event: LabEvent) => {
      if (event.type === 'failed') failed ??= event;
      view.tell(event);
    };
    const boot = await followBoot(state, tell, io.signal);
    if (boot.result === 'ready') return;
    view.end();
    const log = await lastLines(state, failed);
    if (!options.leaveFailed) await takeDown(state);
    throw new LabError(`lab ${options.name} could not start: ${boot.message}${log}`);
  } catch (error) {
    if (!io.signal.aborted) throw error;
    view.end();
    await takeDown(state);
    throw new LabError(`interrupted: lab ${options.name} is down again, and nothing of it is left`);
  } finally {
    view.end();
  }
}

async function announce(
  options: UpOptions,
  state: StateFolder,
  io: LabIo,
  headline: string,
): Promise<number> {
  const status = await readStatus(state);
  if (!status) throw new LabError(`lab ${options.name} ended as soon as it was up: try \`lab up\` again`);
  say(io, headline);
  if (options.output === 'json') print(io, JSON.stringify(status, null, 2));
  else say(io, nextSteps(status));
  return EXIT.done;
}

function nextSteps(status: LabStatus): string {
  const name = status.name === 'lab' ? '' : ` --name ${status.name}`;
  return [
    `  export KUBECONFIG=${status.kubeconfig}   # contexts ${status.clusters.map(({ context }) => context).join(', ')}`,
    ...(status.vm ? [`  ssh -F ${status.vm.ssh.config} ${status.vm.ssh.host}`] : []),
    `  meshlift lab status${name}, meshlift lab down${name}`,
  ].join('\n');
}

async function lastLines(state: StateFolder, failed: LabEvent | null): Promise<string> {
  if (!failed) return '';
  const path = join(state.logs, `${failed.name}.log`);
  const log = (await readFile(path, 'utf8').catch(() => '')).trim();
  return log === '' ? '' : `\nthe end of its log:\n${log.split('\n').slice(-LOG_LINES).join('\n')}`;
}
