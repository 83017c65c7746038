import { spawn } from 'node:child_process';
import { open } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Started } from './containers/container.ts';
import type { SandboxPlan } from './pods/sandbox-plan.ts';
import { type ProgramResult, runProgram } from './program.ts';

/** A container's program could not be started; the message is for the pod's owner. */
export class StartError extends Error {
  override readonly name = 'StartError';
}

/** The Go program that does what takes system calls: packages/lab/parts/shim. */
export class Shim {
  readonly #binary: string;

  constructor(binary: string) {
    this.#binary = binary;
  }

  /** @throws Error with what the shim said */
  async createSandbox(plan: SandboxPlan): Promise<void> {
    await this.#sandbox('create', plan);
  }

  /** Deletes what there is of a sandbox. @throws Error with what the shim said */
  async deleteSandbox(plan: SandboxPlan): Promise<void> {
    await this.#sandbox('delete', plan);
  }

  async #sandbox(action: 'create' | 'delete', plan: SandboxPlan): Promise<void> {
    const result = await runProgram([this.#binary, 'sandbox', action], { stdin: JSON.stringify(plan) });
    if (result.exitCode !== 0) throw new Error(result.stderr.toString('utf8').trim());
  }

  /**
   * Starts the container whose plan is in the folder. The shim stays with it, also when this process
   * ends.
   *
   * @param onShimGone called when the shim has ended, which it does right after its container
   * @throws StartError when the program cannot be executed
   */
  async run(folder: string, onShimGone: () => void): Promise<Started> {
    const log = await open(join(folder, 'shim.log'), 'a', 0o600);
    const child = spawn(this.#binary, ['run', folder], {
      detached: true,
      stdio: ['ignore', 'pipe', log.fd],
      env: {},
    });
    const started = new Promise<Started>((resolve, reject) => {
      const { stdout } = child;
      if (stdout === null) throw new Error('the shim was started without a pipe for its report');
      child.on('error', (error) =>
        reject(new Error(`cannot run ${this.#binary}: ${error.message}`, { cause: error })),
      );
      const lines = createInterface({ input: stdout });
      let reported = false;
      lines.on('line', (line) => {
        reported = true;
        const report = JSON.parse(line) as { readonly started?: Started; readonly error?: string };
        if (report.started) resolve(report.started);
        else reject(new StartError(report.error ?? 'the shim gave no reason'));
      });
      lines.on('close', () => {
        if (!reported) reject(new Error(`the shim ended without a word; see ${join(folder, 'shim.log')}`));
      });
    });
    child.on('exit', onShimGone);
    child.unref();
    try {
      return await started;
    } finally {
      await log.close();
    }
  }

  /** The command line that runs a command in the container of a folder. */
  execCommand(folder: string, command: readonly string[]): readonly string[] {
    return [this.#binary, 'exec', folder, '--', ...command];
  }

  /** Runs a command in the container of a folder. @param timeout milliseconds; absent means without limit */
  exec(folder: string, command: readonly string[], timeout: number | undefined): Promise<ProgramResult> {
    return runProgram(this.execCommand(folder, command), {
      outputLimit: 16 * 1024 * 1024,
      ...(timeout === undefined ? {} : { timeout }),
    });
  }
}
