import { pace } from './pacer.ts';

/** Something that becomes due at a steady rate. */
export interface Flow {
  readonly perSecond: number;
  /** `at` is on the clock of `performance.now()`. */
  readonly due: (at: number) => void;
}

/** All flows together, which can be paused: nothing becomes due then, and what is under way is finished. */
export class Traffic {
  readonly #flows: readonly Flow[];
  #running: readonly { stop(): void }[] | undefined;

  constructor(flows: readonly Flow[]) {
    this.#flows = flows;
  }

  resume(): void {
    this.#running ??= this.#flows.map(({ perSecond, due }) => pace(perSecond, due));
  }

  pause(): void {
    for (const paced of this.#running ?? []) paced.stop();
    this.#running = undefined;
  }
}
