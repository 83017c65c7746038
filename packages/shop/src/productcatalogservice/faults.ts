import { status } from '@grpc/grpc-js';
import { RpcError } from '../rpc/rpc-error.ts';

/** How a copy of the catalog misbehaves on purpose, for rehearsals of a bad migration. */
export interface FaultPlan {
  /** The share of calls that fail, 0 to 1. */
  readonly errorRate: number;
  /** The gRPC status of those failures, e.g. `INTERNAL`. */
  readonly errorStatus: string;
  /** Added to every answer. */
  readonly latencyMs: number;
}

export const NO_FAULTS: FaultPlan = { errorRate: 0, errorStatus: 'INTERNAL', latencyMs: 0 };

/** Applies the current {@link FaultPlan} to calls. Failures are spread evenly, so a rate of 0.2 fails every fifth call. */
export class Faults {
  #plan: FaultPlan;
  #owed = 0;

  constructor(plan: FaultPlan) {
    this.#plan = plan;
  }

  get plan(): FaultPlan {
    return this.#plan;
  }

  set plan(plan: FaultPlan) {
    this.#plan = plan;
    this.#owed = 0;
  }

  /** Resolves after the added latency, or rejects with the planned failure. */
  async strike(): Promise<void> {
    const { errorRate, errorStatus, latencyMs } = this.#plan;
    if (latencyMs > 0) await new Promise((resolve) => setTimeout(resolve, latencyMs));
    this.#owed += errorRate;
    // A hair below 1, because 0.1 added ten times is a hair below 1 too.
    if (this.#owed < 1 - 1e-9) return;
    this.#owed -= 1;
    throw new RpcError(
      statusCode(errorStatus),
      `failing ${errorRate * 100} % of calls, as told by the fault plan`,
    );
  }
}

/** Reads a plan from an admin's request; what it does not name stays as it is. Throws with what is wrong. */
export function readFaultPlan(input: unknown, current: FaultPlan): FaultPlan {
  if (typeof input !== 'object' || input === null) throw new Error('expected a JSON object');
  const unknown = Object.keys(input).find((key) => !(key in NO_FAULTS));
  if (unknown !== undefined) {
    throw new Error(`unknown key "${unknown}": expected ${Object.keys(NO_FAULTS).join(', ')}`);
  }
  const plan = { ...current, ...(input as Partial<FaultPlan>) };
  if (typeof plan.errorRate !== 'number' || plan.errorRate < 0 || plan.errorRate > 1) {
    throw new Error(`errorRate is ${JSON.stringify(plan.errorRate)}: expected a number from 0 to 1`);
  }
  if (typeof plan.latencyMs !== 'number' || plan.latencyMs < 0 || plan.latencyMs > 60_000) {
    throw new Error(`latencyMs is ${JSON.stringify(plan.latencyMs)}: expected a number from 0 to 60000`);
  }
  statusCode(plan.errorStatus);
  return plan;
}

function statusCode(name: string): status {
  const code = (status as unknown as Record<string, unknown>)[name];
  if (typeof code !== 'number' || code === status.OK) {
    throw new Error(
      `errorStatus is "${name}": expected the name of a gRPC failure, e.g. INTERNAL or UNAVAILABLE`,
    );
  }
  return code;
}
