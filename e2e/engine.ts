import { spawn } from 'node:child_process';
import { constants } from 'node:os';
import { join, resolve } from 'node:path';
import type { CommandResult } from '../demo/src/command.ts';

const program = join(resolve(import.meta.dirname, '..'), 'packages/meshlift/bin/meshlift.js');

/** A command of meshlift that runs beside the scenario. */
export interface Engine {
  /** what it wrote to standard error so far */
  readonly said: () => string;
  readonly hasEnded: () => boolean;
  readonly signal: (name: NodeJS.Signals) => void;
  readonly ended: Promise<CommandResult>;
}

/** Starts `meshlift -f FILE …` as a process of its own. */
export function startEngine(kubeconfig: string, file: string, args: readonly string[]): Engine {
  const child = spawn(process.execPath, [program, '-f', file, ...args], {
    env: { ...process.env, KUBECONFIG: kubeconfig },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const output = { stdout: '', stderr: '' };
  for (const stream of ['stdout', 'stderr'] as const)
    child[stream].setEncoding('utf8').on('data', (text: string) => {
      output[stream] += text;
    });
  const ended = new Promise<CommandResult>((done, failed) => {
    child.once('error', failed);
    child.once('close', (code, signal) => {
      // As a shell has it for whoever was killed.
      done({ exitCode: code ?? 128 + (signal ? constants.signals[signal] : 0), ...output });
    });
  });
  return {
    said: () => output.stderr,
    hasEnded: () => child.exitCode !== null || child.signalCode !== null,
    signal: (name) => void child.kill(name),
    ended,
  };
}
