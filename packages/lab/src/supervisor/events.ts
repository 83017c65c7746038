/** What happened to a component or a task. `at` is in milliseconds since the supervisor started. */
export type LabEvent = { readonly at: number; readonly name: string } & (
  | { readonly type: 'starting' }
  | { readonly type: 'waiting'; readonly for: string }
  | { readonly type: 'ready'; readonly tookMs: number }
  | { readonly type: 'exited'; readonly how: string; readonly restartInMs: number }
  | { readonly type: 'failed'; readonly message: string }
);

/** Keeps every event, so that whoever listens late hears the whole story. */
export class EventLog {
  readonly #events: LabEvent[] = [];
  readonly #listeners = new Set<(event: LabEvent) => void>();
  /** Restarts of a broken component go on forever; the story of the boot must not be pushed out by them. */
  static readonly KEPT = 2000;

  record(event: LabEvent): void {
    if (this.#events.length < EventLog.KEPT) this.#events.push(event);
    for (const listener of this.#listeners) listener(event);
  }

  /** Calls `listener` for every event so far and from now on; returns how to stop. */
  follow(listener: (event: LabEvent) => void): () => void {
    for (const event of this.#events) listener(event);
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }
}
