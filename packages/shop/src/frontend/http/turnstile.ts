/**
 * Lets so much work go on at a time; more waits in the order in which it came, and is turned away when too much waits.
 * What is being done takes far more memory than what waits, so this bounds what a crowd can make a program take.
 */
export class Turnstile {
  readonly #atOnce: number;
  readonly #waiting: number;
  readonly #line: (() => void)[] = [];
  #going = 0;

  constructor(limits: { readonly atOnce: number; readonly waiting: number }) {
    this.#atOnce = limits.atOnce;
    this.#waiting = limits.waiting;
  }

  /** What the work comes to, or undefined when it was turned away. Rejects as the work does. */
  async pass<T>(work: () => Promise<T>): Promise<T | undefined> {
    if (this.#going < this.#atOnce) this.#going += 1;
    else if (this.#line.length >= this.#waiting) return undefined;
    else await new Promise<void>((called) => this.#line.push(called));
    try {
      return await work();
    } finally {
      // The next in line takes this place, so that nobody who has just come gets in before.
      const next = this.#line.shift();
      if (next === undefined) this.#going -= 1;
      else next();
    }
  }
}
