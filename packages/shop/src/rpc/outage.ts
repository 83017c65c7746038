import type { Log } from '../process/log.ts';
import { isOutage, type RpcError } from './rpc-error.ts';

/** Turns thousands of failed calls to a service that is away into two log lines: when it went, and when it came back. */
export class Outage {
  readonly #what: string;
  readonly #log: Log;
  #failedCalls = 0;
  #since = 0;

  constructor(what: string, log: Log) {
    this.#what = what;
    this.#log = log;
  }

  failed(error: RpcError): void {
    if (!isOutage(error)) return;
    if (this.#failedCalls === 0) {
      this.#since = Date.now();
      this.#log.warning(`${this.#what} does not answer`, { status: error.codeName, details: error.message });
    }
    this.#failedCalls += 1;
  }

  answered(): void {
    if (this.#failedCalls === 0) return;
    this.#log.info(`${this.#what} answers again`, {
      failedCalls: this.#failedCalls,
      forMs: Date.now() - this.#since,
    });
    this.#failedCalls = 0;
  }
}
