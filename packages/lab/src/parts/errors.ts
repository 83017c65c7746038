/**
 * The parts can't be had. The message says what failed, where and why; `remedy` what to do about it, usually
 * a command that can be pasted as it stands.
 */
export class PartsError extends Error {
  readonly remedy: string;

  constructor(message: string, remedy: string, options?: ErrorOptions) {
    super(`${message}\n${remedy}`, options);
    this.name = 'PartsError';
    this.remedy = remedy;
  }
}
