/**
 * Milliseconds after an event at which the pod's state is told again. The last sync that an event
 * happens in may take this long to end.
 */
const delays = [60, 200, 500, 1_000, 2_000];

/**
 * Tells a pod's state again for a little while after each event about it.
 *
 * The kubelet's pod workers wait for a state that is newer than the end of their last sync, and an event
 * that happens while a sync still runs is older than its end. Nothing newer would follow by itself, and
 * the kubelet would give up waiting only after up to 5 seconds.
 */
export class StatusEcho {
  readonly #tell: (podId: string) => void;
  readonly #timers = new Map<string, NodeJS.Timeout>();

  constructor(tell: (podId: string) => void) {
    this.#tell = tell;
  }

  /** Call it with every event about the pod: the while begins anew. */
  after(podId: string): void {
    clearTimeout(this.#timers.get(podId));
    this.#schedule(podId, 0, 0);
  }

  #schedule(podId: string, index: number, elapsed: number): void {
    const delay = delays[index];
    if (delay === undefined) {
      this.#timers.delete(podId);
      return;
    }
    const timer = setTimeout(() => {
      this.#tell(podId);
      this.#schedule(podId, index + 1, delay);
    }, delay - elapsed);
    timer.unref();
    this.#timers.set(podId, timer);
  }
}
