/** Exit codes of the `lab` command. */
export const EXIT = { done: 0, failed: 1, usage: 64, badInput: 65 } as const;

/** Somebody named a machine, component or workload that the lab does not have; the message says which there are. */
export class UnknownName extends Error {}

/** What went wrong, where, and what to do about it, for people; `exitCode` is the command's. */
export class LabError extends Error {
  readonly exitCode: number;
  constructor(message: string, exitCode: number = EXIT.failed, options?: ErrorOptions) {
    super(message, options);
    this.exitCode = exitCode;
  }
}
