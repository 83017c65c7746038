/** Counts of values up to each bound, as Prometheus keeps them: every bucket holds those below it as well. */
export interface Histogram {
  /** upper bounds in milliseconds, ascending, the last one Infinity; empty for a histogram of nothing */
  readonly bounds: readonly number[];
  /** how many values were at most the bound of the same index, ascending */
  readonly cumulative: readonly number[];
  /** all values together, milliseconds */
  readonly sum: number;
}

export const emptyHistogram: Histogram = { bounds: [], cumulative: [], sum: 0 };

export function totalCount(histogram: Histogram): number {
  return histogram.cumulative.at(-1) ?? 0;
}

/**
 * The sum of both. Where their bounds differ (proxies of two versions), only the bounds that both have are kept: a
 * coarser answer, but a true one.
 */
export function addHistograms(a: Histogram, b: Histogram): Histogram {
  return combine(a, b, 1);
}

/** What was counted between two readings of the same proxy. */
export function subtractHistograms(later: Histogram, earlier: Histogram): Histogram {
  return combine(later, earlier, -1);
}

function combine(a: Histogram, b: Histogram, sign: 1 | -1): Histogram {
  const sum = a.sum + sign * b.sum;
  if (b.bounds.length === 0) return { ...a, sum };
  if (a.bounds.length === 0) {
    return { bounds: b.bounds, cumulative: b.cumulative.map((count) => sign * count), sum };
  }
  if (a.bounds.length === b.bounds.length && a.bounds.every((bound, i) => bound === b.bounds[i])) {
    const cumulative = a.cumulative.map((count, i) => count + sign * (b.cumulative[i] ?? 0));
    return { bounds: a.bounds, cumulative, sum };
  }
  const countsOfB = new Map(b.bounds.map((bound, i) => [bound, b.cumulative[i] ?? 0]));
  const bounds: number[] = [];
  const cumulative: number[] = [];
  for (const [i, bound] of a.bounds.entries()) {
    const other = countsOfB.get(bound);
    if (other === undefined) continue;
    bounds.push(bound);
    cumulative.push((a.cumulative[i] ?? 0) + sign * other);
  }
  return { bounds, cumulative, sum };
}

/**
 * The value that a share `q` (0 to 1) of all values don't exceed, in milliseconds, taken to lie evenly within its
 * bucket; null when nothing was counted. Beyond the last finite bound only that bound is known, and it is the answer.
 */
export function quantile(histogram: Histogram, q: number): number | null {
  const total = totalCount(histogram);
  if (total <= 0) return null;
  const rank = Math.min(Math.max(q, 0), 1) * total;
  const i = histogram.cumulative.findIndex((count) => count >= rank && count > 0);
  const upper = histogram.bounds[i] ?? Number.POSITIVE_INFINITY;
  const lower = histogram.bounds[i - 1] ?? 0;
  if (upper === Number.POSITIVE_INFINITY) return lower;
  const below = histogram.cumulative[i - 1] ?? 0;
  const within = (histogram.cumulative[i] ?? 0) - below;
  return within === 0 ? lower : lower + ((upper - lower) * Math.max(rank - below, 0)) / within;
}

/**
 * How many values certainly exceed `value`, and the bound that they exceed: the first one from `value` on. A histogram
 * can't tell where in its bucket a value lies, so what lies in the same bucket as `value` is not counted.
 */
export function beyond(
  histogram: Histogram,
  value: number,
): { readonly count: number; readonly bound: number } {
  const i = histogram.bounds.findIndex((bound) => bound >= value);
  const bound = histogram.bounds[i] ?? Number.POSITIVE_INFINITY;
  return { count: Math.max(0, totalCount(histogram) - (histogram.cumulative[i] ?? 0)), bound };
}
