import { status } from '@grpc/grpc-js';

/** A failed call with its gRPC status. Thrown by handlers to answer a caller, and by clients when a call failed. */
export class RpcError extends Error {
  override readonly name = 'RpcError';
  readonly code: status;
  /** What the answer carried besides the status, e.g. who answered; keys in lower case. */
  readonly headers: ReadonlyMap<string, string>;

  constructor(code: status, message: string, headers: ReadonlyMap<string, string> = new Map()) {
    super(message);
    this.code = code;
    this.headers = headers;
  }

  /** The status as the gRPC specification spells it, e.g. `NOT_FOUND`. */
  get codeName(): string {
    return status[this.code] ?? `CODE_${this.code}`;
  }
}

/** The caller sent something that can never be right. */
export const invalidArgument = (message: string): RpcError => new RpcError(status.INVALID_ARGUMENT, message);

/** The request was fine, but the thing it names does not exist. */
export const notFound = (message: string): RpcError => new RpcError(status.NOT_FOUND, message);

/** The request was fine, but the state of things forbids it. */
export const failedPrecondition = (message: string): RpcError =>
  new RpcError(status.FAILED_PRECONDITION, message);

const OUTAGES: ReadonlySet<status> = new Set([
  status.UNAVAILABLE,
  status.DEADLINE_EXCEEDED,
  // What a call gets that a stopping server cuts off.
  status.CANCELLED,
]);

/** True when the other side could not be reached or did not finish its answer: it may be there again soon. */
export function isOutage(error: unknown): boolean {
  return error instanceof RpcError && OUTAGES.has(error.code);
}
