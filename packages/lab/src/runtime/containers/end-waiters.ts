/** Those who wait for containers to end. */
export class EndWaiters {
  readonly #listeners = new Map<string, Set<() => void>>();

  /** Whether the container ends within so many milliseconds from now. */
  wait(id: string, within: number): Promise<boolean> {
    return new Promise((resolve) => {
      const listeners = this.#listeners.get(id) ?? new Set();
      this.#listeners.set(id, listeners);
      const settle = (ended: boolean) => {
        clearTimeout(timer);
        listeners.delete(listener);
        if (listeners.size === 0) this.#listeners.delete(id);
        resolve(ended);
      };
      const listener = () => settle(true);
      const timer = setTimeout(() => settle(false), within);
      listeners.add(listener);
    });
  }

  /** Tells everybody who waits for this container that it has ended. */
  ended(id: string): void {
    for (const listener of [...(this.#listeners.get(id) ?? [])]) listener();
  }
}
