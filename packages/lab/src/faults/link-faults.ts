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
  readonly #run: (argv: readonly string[]) => Promise<unknown>;
  readonly #cut = new Set<string>();
  readonly #delayed = new Map<string, number>();

  constructor(machines: readonly string[], run: (argv: readonly string[]) => Promise<unknown> = runProgram) {
    this.#machines = machines;
    this.#run = run;
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

  /** Every packet to the machine and from it takes `milliseconds` longer. Rejects, changing nothing, where the kernel can't. */
  async delay(machine: string, milliseconds: number): Promise<void> {
    this.#require(machine);
    const slowed: Tc[] = [];
    try {
      for (const tc of ends(machine)) {
        await this.#run(tc('replace', 'netem', 'delay', `${milliseconds}ms`));
        slowed.push(tc);
      }
    } catch (error) {
      for (const tc of slowed) await this.#run(tc('del'));
      this.#delayed.delete(machine);
      if (error instanceof ProgramError && /kind is unknown|No such file/.test(error.message)) {
        throw new Error(
          "this machine's kernel has no netem (sch_netem), which is what delays packets: load it (modprobe sch_netem) where there is one, or cut a link instead",
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
      if (this.#delayed.delete(name)) for (const tc of ends(name)) await this.#run(tc('del'));
    }
    return broken;
  }

  /** Off the bridge, the link stays up and leads nowhere, so neither end is told. */
  async #setPort(machine: string, to: readonly string[]): Promise<void> {
    this.#require(machine);
    await this.#run(['ip', 'link', 'set', backbonePort(machine), ...to]);
  }

  #require(machine: string): void {
    if (!this.#machines.includes(machine)) {
      throw new UnknownName(`the lab has no machine ${machine}: it has ${this.#machines.join(', ')}`);
    }
  }
}

/** The command line that changes what queues packets at one end of a link. */
type Tc = (verb: 'replace' | 'del', ...queue: readonly string[]) => string[];

/** Both ends of a machine's link, since a queue holds back only what leaves. */
function ends(machine: string): Tc[] {
  const at =
    (before: readonly string[], device: string): Tc =>
    (verb, ...queue) => [...before, 'tc', 'qdisc', verb, 'dev', device, 'root', ...queue];
  return [at([], backbonePort(machine)), at(['nsenter', `--net=/run/netns/${machine}`, '--'], 'eth0')];
}
