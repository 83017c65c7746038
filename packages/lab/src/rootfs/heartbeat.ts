/** How long nothing may be said. */
const SILENCE_MS = 4_000;

/**
 * Runs `work`, tells each thing that it says it is doing, and says that it is still doing it while nothing new comes.
 */
export async function withHeartbeat<T>(
  tell: (text: string) => void,
  elapsed: () => string,
  work: (doing: (what: string) => void) => Promise<T>,
): Promise<T> {
  let current = '';
  const beat = setInterval(() => tell(`still ${current} (${elapsed()})`), SILENCE_MS);
  try {
    return await work((what) => {
      current = what;
      tell(what);
      beat.refresh();
    });
  } finally {
    clearInterval(beat);
  }
}
