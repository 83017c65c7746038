import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { type CommandResult, mustRun, runCommand } from '../demo/src/command.ts';
import type { Lab } from '../demo/src/stage.ts';

const root = resolve(import.meta.dirname, '..');
const MESHLIFT = join(root, 'packages/meshlift/bin/meshlift.js');
const COMMAND_MS = 240_000;
const POLL_MS = 200;

export interface LabStatus extends Lab {
  readonly forwards: readonly { readonly name: string; readonly listen: string; readonly target: string }[];
  readonly name: string;
  readonly stateDir: string;
  readonly components: readonly {
    readonly name: string;
    readonly pid: number | null;
    readonly health: string;
    readonly restarts: number;
    readonly rssBytes: number;
  }[];
}

/** Whose lab it is, when it is not this process's user's: what comes before each command, and its surroundings. */
export interface Someone {
  readonly before: readonly string[];
  readonly env: Readonly<Record<string, string>>;
}
const MYSELF: Someone = { before: [], env: {} };

/** A lab of one file of scenarios, used through the commands that its users have. */
export class LabUnderTest {
  readonly name: string;
  /** For files that commands read or write; removed at the end. */
  readonly folder: string;
  readonly #who: Someone;
  readonly #children: ChildProcess[] = [];
  #status: LabStatus | null = null;

  private constructor(name: string, folder: string, who: Someone) {
    this.name = name;
    this.folder = folder;
    this.#who = who;
  }

  /** Nothing runs yet; what an earlier, interrupted run of the same scenarios left is cleared away. */
  static async prepare(name: string, who: Someone = MYSELF): Promise<LabUnderTest> {
    const lab = new LabUnderTest(`e2e-${name}`, await mkdtemp(join(tmpdir(), `meshlift-lab-${name}-`)), who);
    await lab.must('down');
    return lab;
  }

  /** A running lab, with the images of the scenarios in its catalogue. */
  static async begin(
    name: string,
    flags: readonly string[] = [],
    who: Someone = MYSELF,
  ): Promise<LabUnderTest> {
    const lab = await LabUnderTest.prepare(name, who);
    await lab.up(...flags);
    return lab;
  }

  async up(...flags: readonly string[]): Promise<CommandResult> {
    const result = await this.must('up', '--images', join(root, 'e2e/lab-images.json'), ...flags);
    await this.readStatus();
    return result;
  }

  /** An `up` that gets a Ctrl-C as soon as `moment` resolves; it is given what has been written so far. */
  async interruptedUp(
    moment: (written: () => string) => Promise<void>,
    ...flags: readonly string[]
  ): Promise<CommandResult> {
    const [program = '', ...args] = [...this.#who.before, process.execPath, MESHLIFT, 'lab', 'up'];
    // In a process group of its own, all of which the terminal would tell.
    const child = spawn(program, [...args, '--name', this.name, ...flags], {
      detached: true,
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, ...this.#who.env },
    });
    const ended = once(child, 'close');
    const output = { stdout: '', stderr: '' };
    for (const stream of ['stdout', 'stderr'] as const) {
      child[stream].setEncoding('utf8').on('data', (text: string) => {
        output[stream] += text;
      });
    }
    await moment(() => output.stderr);
    if (child.pid !== undefined) process.kill(-child.pid, 'SIGINT');
    const [code] = (await ended) as [number | null];
    return { exitCode: code ?? 128, ...output };
  }

  async end(): Promise<void> {
    for (const child of this.#children) child.kill();
    await this.must('down');
    await rm(this.folder, { recursive: true, force: true });
  }

  /** As it was when the lab came up. */
  get status(): LabStatus {
    if (!this.#status) throw new TypeError('the lab is not up yet');
    return this.#status;
  }

  async readStatus(): Promise<LabStatus> {
    this.#status = JSON.parse((await this.must('status', '-o', 'json')).stdout) as LabStatus;
    return this.#status;
  }

  /** `meshlift lab …` on this lab; how it ends is a result. */
  async lab(...args: readonly string[]): Promise<CommandResult> {
    return this.meshliftLab(...args, '--name', this.name);
  }

  /** `meshlift lab …`, on no particular lab. */
  async meshliftLab(...args: readonly string[]): Promise<CommandResult> {
    return this.run(process.execPath, MESHLIFT, 'lab', ...args);
  }

  async must(...args: readonly string[]): Promise<CommandResult> {
    return this.mustMeshliftLab(...args, '--name', this.name);
  }

  async mustMeshliftLab(...args: readonly string[]): Promise<CommandResult> {
    const result = await this.meshliftLab(...args);
    if (result.exitCode !== 0) {
      throw new Error(
        `lab ${args.join(' ')} ended with ${result.exitCode}: ${result.stderr}${result.stdout}`,
      );
    }
    return result;
  }

  async run(...command: readonly string[]): Promise<CommandResult> {
    return runCommand([...this.#who.before, ...command], {
      env: this.#who.env,
      signal: AbortSignal.timeout(COMMAND_MS),
    });
  }

  /** What the lab's own kubectl writes; it must succeed. */
  async kubectl(cluster: string, ...args: readonly string[]): Promise<string> {
    return (await this.#must(this.kubectlCommand(cluster, args))).stdout;
  }

  async tryKubectl(cluster: string, ...args: readonly string[]): Promise<CommandResult> {
    return this.run(...this.kubectlCommand(cluster, args));
  }

  async apply(cluster: string, ...manifests: readonly object[]): Promise<void> {
    const list = JSON.stringify({ apiVersion: 'v1', kind: 'List', items: manifests });
    await this.#must(this.kubectlCommand(cluster, ['apply', '-f', '-']), list);
  }

  // biome-ignore lint/suspicious/noExplicitAny: whatever the API server says
  async get(cluster: string, ...what: readonly string[]): Promise<any> {
    return JSON.parse(await this.kubectl(cluster, 'get', ...what, '-o', 'json'));
  }

  /** What the lab's own istioctl says; it must succeed. */
  async istioctl(cluster: string, ...args: readonly string[]): Promise<CommandResult> {
    const { tools, kubeconfig } = this.status;
    return this.#must([tools.istioctl, '--kubeconfig', kubeconfig, '--context', cluster, ...args]);
  }

  kubectlCommand(cluster: string, args: readonly string[]): string[] {
    const { tools, kubeconfig } = this.status;
    return [tools.kubectl, '--kubeconfig', kubeconfig, '--context', cluster, ...args];
  }

  /** Starts a kubectl that goes on until the end; answers what it has written so far. */
  followKubectl(cluster: string, ...args: readonly string[]): { readonly text: () => string } {
    const [program = '', ...rest] = [...this.#who.before, ...this.kubectlCommand(cluster, args)];
    const child = spawn(program, rest, { env: { ...process.env, ...this.#who.env } });
    this.#children.push(child);
    let text = '';
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding('utf8').on('data', (piece: string) => {
        text += piece;
      });
    }
    return { text: () => text };
  }

  /** Runs a script on the VM over ordinary ssh, and answers what it wrote. */
  async onVm(script: string): Promise<string> {
    const { ssh } = this.vm;
    return (await this.#must(['ssh', '-F', ssh.config, ssh.host, script])).stdout;
  }

  async toVm(file: string, path: string): Promise<void> {
    const { ssh } = this.vm;
    await this.#must(['scp', '-q', '-F', ssh.config, file, `${ssh.host}:${path}`]);
  }

  get vm(): NonNullable<Lab['vm']> {
    if (!this.status.vm) throw new TypeError('this lab has no VM');
    return this.status.vm;
  }

  /** Waits until a container runs, for pods that are not meant to be ready yet. */
  async untilRunning(cluster: string, pod: string, ...scope: readonly string[]): Promise<void> {
    await until(`${pod} runs`, async () => {
      const { status } = await this.get(cluster, 'pod', pod, ...scope);
      return status.containerStatuses?.[0]?.state?.running ?? null;
    });
  }

  async #must(command: readonly string[], stdin?: string): Promise<CommandResult> {
    return mustRun([...this.#who.before, ...command], {
      env: this.#who.env,
      signal: AbortSignal.timeout(COMMAND_MS),
      ...(stdin !== undefined && { stdin }),
    });
  }
}

/** Looks again and again until there is something to see; says what was there last when there never is. */
export async function until<T>(what: string, look: () => Promise<T | null>, deadlineMs = 90_000): Promise<T> {
  const deadline = Date.now() + deadlineMs;
  for (;;) {
    const seen = await look();
    if (seen !== null) return seen;
    if (Date.now() > deadline) throw new Error(`${what}: not within ${deadlineMs / 1000} s`);
    await delay(POLL_MS);
  }
}
