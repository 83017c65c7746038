/** Names of the migrations that each one comes after, by its own name; one that is not there comes after none. */
export type ComesAfter = ReadonlyMap<string, readonly string[]>;

/** A way from a migration back to itself, first and last name the same; null when it waits for nobody who waits for it. */
export function findCycle(start: string, after: ComesAfter): readonly string[] | null {
  const seen = new Set<string>();
  const follow = (path: readonly string[]): readonly string[] | null => {
    const last = path.at(-1) ?? start;
    for (const next of after.get(last) ?? []) {
      if (next === start) return [...path, next];
      if (seen.has(next)) continue;
      seen.add(next);
      const cycle = follow([...path, next]);
      if (cycle) return cycle;
    }
    return null;
  };
  return follow([start]);
}
