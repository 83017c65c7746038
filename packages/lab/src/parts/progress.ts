/** Where one part stands. */
export interface PartState {
  readonly name: string;
  readonly state: 'waiting' | 'fetching' | 'compiling' | 'linking' | 'ready';
  /** 0 to 1: how much of its own work is done. Parts share most of what they are compiled from. */
  readonly done: number;
}

/** A snapshot of the making of the parts, sent at least once a second from start to end. */
export interface PartsProgress {
  /** What is being done now, e.g. `compiling k8s.io/client-go/kubernetes`. */
  readonly doing: string;
  readonly elapsedMs: number;
  /** An estimate; null as long as there is nothing to base one on. */
  readonly remainingMs: number | null;
  readonly parts: readonly PartState[];
}

const BEAT_MS = 1000;

/** Collects what the steps of a build report and sends snapshots of it. */
export interface Reporter {
  doing(text: string): void;
  remaining(milliseconds: number | null): void;
  part(state: PartState): void;
}

/** Runs `work`, sending a snapshot at every change of what is done, and every second regardless. */
export async function reporting<T>(
  send: (progress: PartsProgress) => void,
  work: (reporter: Reporter) => Promise<T>,
): Promise<T> {
  const started = performance.now();
  const parts = new Map<string, PartState>();
  let doing = 'starting';
  let remainingMs: number | null = null;
  const beat = () => {
    const elapsedMs = Math.round(performance.now() - started);
    send({ doing, elapsedMs, remainingMs, parts: [...parts.values()] });
  };
  const timer = setInterval(beat, BEAT_MS);
  try {
    return await work({
      doing(text) {
        const changed = text.split(' ')[0] !== doing.split(' ')[0];
        doing = text;
        if (changed) beat(); // thousands of packages are compiled; the verb changes a few times
      },
      remaining(milliseconds) {
        remainingMs = milliseconds;
      },
      part(state) {
        const before = parts.get(state.name)?.state;
        parts.set(state.name, state);
        // What was taken from the cache needs no word of its own.
        if (state.state === 'ready' && before !== 'ready' && before !== 'waiting') beat();
      },
    });
  } finally {
    clearInterval(timer);
  }
}

/** One line for people, e.g. `parts 2m 5s of about 8m: compiling … (7 of 15 ready; kubelet 61 %, istioctl 40 %)`. */
export function progressLine({ doing, elapsedMs, remainingMs, parts }: PartsProgress): string {
  const total = remainingMs === null ? '' : ` of about ${duration(elapsedMs + remainingMs)}`;
  const ready = parts.filter(({ state }) => state === 'ready').length;
  const open = parts
    .filter(({ state }) => state !== 'ready' && state !== 'waiting')
    .slice(0, 3)
    .map(
      ({ name, state, done }) => `${name} ${state === 'compiling' ? `${Math.floor(done * 100)} %` : state}`,
    );
  const detail =
    parts.length === 0
      ? ''
      : ` (${[`${ready} of ${parts.length} ready`, open.join(', ')].filter(Boolean).join('; ')})`;
  return `parts ${duration(elapsedMs)}${total}: ${doing}${detail}`;
}

function duration(milliseconds: number): string {
  const seconds = Math.round(milliseconds / 1000);
  const minutes = Math.floor(seconds / 60);
  if (minutes === 0) return `${seconds}s`;
  return seconds % 60 === 0 ? `${minutes}m` : `${minutes}m ${seconds % 60}s`;
}
