import { dirname, join, relative } from 'node:path';
import { type CommandResult, mustRun, runCommand } from './command.ts';
import type { Storyteller } from './storyteller.ts';

/** What `meshlift lab status -o json` tells of a running lab, as far as the story needs it. */
export interface Lab {
  readonly state: string;
  readonly kubeconfig: string;
  readonly clusters: readonly {
    readonly name: string;
    readonly context: string;
    readonly gateways: {
      readonly ingress: { readonly http: string };
      readonly eastwest: { readonly address: string };
    };
  }[];
  readonly vm: {
    readonly address: string;
    readonly ssh: { readonly config: string; readonly host: string; readonly user: string };
    readonly sidecarPackage: { readonly path: string; readonly sha256: string };
  } | null;
  readonly tools: { readonly kubectl: string; readonly istioctl: string };
  readonly versions: Readonly<Record<string, string>>;
  readonly components: readonly {
    readonly name: string;
    readonly health: string;
    readonly rssBytes: number;
  }[];
}

/** The commands of the story, run the way a person would: nothing here knows more than the command line does. */
export class Stage {
  readonly root: string;
  readonly labName: string;
  readonly signal: AbortSignal;
  readonly #story: Storyteller;
  #lab: Lab | null = null;

  constructor(root: string, labName: string, story: Storyteller, signal: AbortSignal) {
    this.root = root;
    this.labName = labName;
    this.#story = story;
    this.signal = signal;
  }

  get lab(): Lab {
    if (!this.#lab) throw new TypeError('the lab is not up yet');
    return this.#lab;
  }

  get vm(): NonNullable<Lab['vm']> {
    if (!this.lab.vm) throw new TypeError('this lab has no VM');
    return this.lab.vm;
  }

  /** Brings the lab up, showing its progress, and learns where everything is. */
  async labUp(images: readonly string[], { clusters = 2 } = {}): Promise<Lab> {
    const flags = [...images.flatMap((file) => ['--images', file]), '--clusters', String(clusters)];
    await this.meshlift(['lab', 'up', '--name', this.labName, ...flags]);
    const { stdout } = await this.meshlift(['lab', 'status', '--name', this.labName, '-o', 'json'], {
      quiet: true,
    });
    const lab: Lab = JSON.parse(stdout);
    this.#lab = lab;
    return lab;
  }

  /** Runs `meshlift …`, telling its progress. */
  async meshlift(
    args: readonly string[],
    options: { readonly quiet?: boolean; readonly mayFail?: boolean; readonly signal?: AbortSignal } = {},
  ): Promise<CommandResult> {
    const run = options.mayFail ? runCommand : mustRun;
    return run([process.execPath, join(this.root, 'packages/meshlift/bin/meshlift.js'), ...args], {
      cwd: process.cwd(),
      env: this.#lab ? { KUBECONFIG: this.#lab.kubeconfig } : {},
      signal: options.signal ?? this.signal,
      ...(!options.quiet && { onLine: (line: string) => this.#story.line(line) }),
    });
  }

  async kubectl(cluster: string, args: readonly string[], stdin?: string): Promise<string> {
    const { kubeconfig, tools } = this.lab;
    const command = [tools.kubectl, '--kubeconfig', kubeconfig, '--context', cluster, ...args];
    const { stdout } = await mustRun(command, {
      // kubectl keeps what it learned of a cluster in the user's home otherwise, for a lab that will be gone.
      env: { KUBECACHEDIR: join(dirname(kubeconfig), 'kubectl-cache') },
      signal: this.signal,
      ...(stdin !== undefined && { stdin }),
    });
    return stdout;
  }

  async istioctl(cluster: string, args: readonly string[]): Promise<string> {
    const { kubeconfig, tools } = this.lab;
    const { stdout } = await mustRun(
      [tools.istioctl, '--kubeconfig', kubeconfig, '--context', cluster, ...args],
      {
        signal: this.signal,
      },
    );
    return stdout;
  }

  /** Runs a script on the VM over ordinary ssh. */
  async onVm(script: string): Promise<CommandResult> {
    const { ssh } = this.vm;
    return runCommand(['ssh', '-F', ssh.config, ssh.host, script], { signal: this.signal });
  }

  /** Copies files into a new folder of the login user's home on the VM. */
  async toVm(files: Readonly<Record<string, string>>, folder: string): Promise<void> {
    const { ssh } = this.vm;
    await mustRun(['ssh', '-F', ssh.config, ssh.host, `mkdir -p ${folder}`], { signal: this.signal });
    for (const [name, path] of Object.entries(files)) {
      await mustRun(['scp', '-q', '-F', ssh.config, path, `${ssh.host}:${folder}/${name}`], {
        signal: this.signal,
      });
    }
  }

  /** A path as people would type it from the repository's root. */
  shown(path: string): string {
    return relative(this.root, path) || '.';
  }
}
