export interface Advertisement {
  readonly redirectUrl: string;
  readonly text: string;
}

/**
 * One advertisement for each of the categories that has any; from all of them when none has.
 * `random` gives numbers from 0 up to, not including, 1.
 */
export function choose(
  byCategory: Readonly<Record<string, readonly Advertisement[]>>,
  categories: readonly string[],
  random: () => number,
): Advertisement[] {
  const known = [...new Set(categories)].filter((category) => Object.hasOwn(byCategory, category));
  const pools =
    known.length > 0 ? known.map((category) => byCategory[category]) : [Object.values(byCategory).flat()];
  return pools.flatMap((pool = []) => pool[Math.floor(random() * pool.length)] ?? []);
}
