import type { ErrorCode } from './codes.ts';

export interface ErrorDetails {
  /** what was being done and to what, e.g. `VirtualService default/productcatalogservice in cluster1` */
  readonly where: string;
  /** why it did not work, with the value received */
  readonly why: string;
  /** what the user does next, as a sentence or a command */
  readonly next: string;
  readonly cause?: unknown;
}

/** The one error of the library: a coded, user-readable failure. Anything else that is thrown is a bug of ours. */
export class MeshliftError extends Error {
  override readonly name = 'MeshliftError';
  readonly code: ErrorCode;
  readonly where: string;
  readonly why: string;
  readonly next: string;

  constructor(code: ErrorCode, details: ErrorDetails) {
    super(`${details.where}: ${details.why}`, { cause: details.cause });
    this.code = code;
    this.where = details.where;
    this.why = details.why;
    this.next = details.next;
  }
}

export function isMeshliftError(error: unknown, code?: ErrorCode): error is MeshliftError {
  return error instanceof MeshliftError && (code === undefined || error.code === code);
}
