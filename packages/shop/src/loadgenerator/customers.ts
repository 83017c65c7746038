import { Browser, type Shop } from './browser.ts';
import { type Journey, pickJourney, type Step, steps, type Weights } from './journeys.ts';
import type { Outcome } from './ledger.ts';

interface Customer {
  browser: Browser;
  left: Step[];
}

export interface CustomersOptions {
  readonly shop: Shop;
  /** How many shop at the same time, at most. */
  readonly count: number;
  readonly weights: Weights;
  readonly onOutcome: (outcome: Outcome) => void;
  readonly random?: () => number;
}

/**
 * A crowd of customers, each on a journey. Requests come from outside, when they are due; each goes to the customer who
 * has waited longest. While all are busy a due request waits for one, and if that takes longer than the shop's
 * timeout it counts as failed without having been sent. A failed request ends its journey: that customer leaves and a
 * new one comes in.
 */
export class Customers {
  readonly #options: CustomersOptions;
  readonly #random: () => number;
  readonly #idle: Customer[] = [];
  readonly #due: number[] = [];
  #busy = 0;

  constructor(options: CustomersOptions) {
    this.#options = options;
    this.#random = options.random ?? Math.random;
    for (let index = 0; index < options.count; index += 1) this.#idle.push(this.#newcomer());
  }

  /** A request is due; `at` is on the clock of `performance.now()`. */
  requestDue(at: number): void {
    this.#due.push(at);
    this.#serve();
  }

  /** Requests sent and not yet answered, and due ones not yet sent. */
  get pending(): number {
    return this.#busy + this.#due.length;
  }

  #serve(): void {
    this.#giveUpOverdue();
    while (this.#due.length > 0) {
      const customer = this.#idle.shift();
      if (customer === undefined) return;
      const at = this.#due.shift();
      const step = customer.left.shift();
      if (at === undefined || step === undefined) throw new Error('a customer without a journey was let in');
      this.#busy += 1;
      void customer.browser.visit(step, at).then((outcome) => {
        this.#busy -= 1;
        this.#options.onOutcome(outcome);
        const leaves = outcome.failure !== undefined || customer.left.length === 0;
        this.#idle.push(leaves ? this.#newcomer() : customer);
        this.#serve();
      });
    }
  }

  #giveUpOverdue(): void {
    const { timeoutMs } = this.#options.shop;
    for (;;) {
      const at = this.#due[0];
      if (at === undefined || performance.now() - at < timeoutMs) return;
      this.#due.shift();
      this.#options.onOutcome({ route: 'unsent', ms: performance.now() - at, failure: 'unsent' });
    }
  }

  #newcomer(): Customer {
    const journey: Journey = pickJourney(this.#options.weights, this.#random);
    return {
      browser: new Browser(this.#options.shop),
      left: steps(journey, this.#random, new Date().getUTCFullYear() + 1),
    };
  }
}
