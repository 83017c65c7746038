import { UnknownName } from '../errors.ts';
import { BACKBONE } from '../network/addresses.ts';
import { backbonePort } from '../network/topology.ts';
import { ProgramError, runProgram } from '../supervisor/run-program.ts';

/** What is wrong with a machine's link on purpose. */
export interface LinkFault {
  readonly machine: string;
  readonly cut: boolean;
  /** Added in each direction; null when nothing is. */
  readonly delayMs: number | null;
}

/** Breaks and heals the links between machines, at their ports of the backbone. */
export class LinkFaults {
  readonly #machines: readonly string[];
  readonly #cut = new Set<string>();
  readonly #delayed = new Map<string, number>();

  constructor(machines: readonly string[]) {
    this.#machines = machines;
  }

  list(): LinkFault[] {
    return this.#machines
      .filter((machine) => this.#cut.has(machine) || this.#delayed.has(machine))
      .map((machine) => ({
        machine,
        cut: this.#cut.has(machine),
        delayMs: this.#delayed.get(machine) ?? null,
      }));
  }

  /** From now on nothing gets through in either direction, and nobody is told: packets are lost in silence. */
  async cut(machine: string): Promise<void> {
    await this.#setPort(machine, ['nomaster']);
    this.#cut.add(machine);
  }

  /** Every packet to the machine and from it takes `milliseconds` longer. Rejects where the kernel can't. */
  async delay(machine: string, milliseconds: number): Promise<void> {
    this.#require(machine);
    const delay = ['root', 'netem', 'delay', `${milliseconds}ms`];
    try {
      await runProgram(['tc', 'qdisc', 'replace', 'dev', backbonePort(machine), ...delay]);
      await runProgram([
        'nsenter',
        `--net=/run/netns/${machine}`,
        '--',
        'tc',
        'qdisc',
        'replace',
        'dev',
        'eth0',
        ...delay,
      ]);
    } catch (error) {
      await this.#undelay(machine);
      if (error instanceof ProgramError && /kind is unknown|No such file/.test(error.message)) {
        throw new Error(
          "this machine's kernel has no netem (sch_netem), which is what delays packets: cut a link instead",
        );
      }
      throw error;
    }
    this.#delayed.set(machine, milliseconds);
  }

  /** Heals one machine's link, or all; returns those that were not whole. */
  async heal(machine?: string): Promise<string[]> {
    if (machine !== undefined) this.#require(machine);
    const broken = this.list()
      .map((fault) => fault.machine)
      .filter((name) => machine === undefined || name === machine);
    for (const name of broken) {
      await this.#setPort(name, ['master', BACKBONE.bridge]);
      this.#cut.delete(name);
      if (this.#delayed.has(name)) await this.#undelay(name);
      this.#delayed.delete(name);
    }
    return broken;
  }

  /** Off the bridge, the link stays up and leads nowhere, so neither end is told. */
  async #setPort(machine: string, to: readonly string[]): Promise<void> {
    this.#require(machine);
    await runProgram(['ip', 'link', 'set', backbonePort(machine), ...to]);
  }

  /** Takes off what is there; that there may be nothing is what `replace` on the default does not mind. */
  async #undelay(machine: string): Promise<void> {
    const plain = ['root', 'pfifo'];
    await runProgram(['tc', 'qdisc', 'replace', 'dev', backbonePort(machine), ...plain]);
    await runProgram([
      'nsenter',
      `--net=/run/netns/${machine}`,
      '--',
      'tc',
      'qdisc',
      'replace',
      'dev',
      'eth0',
      ...plain,
    ]);
  }

  #require(machine: string): void {
    if (!this.#machines.includes(machine)) {
      throw new UnknownName(`the lab has no machine ${machine}: it has ${this.#machines.join(', ')}`);
    }
  }
}
