/**
 * Counts durations in buckets that grow by about 4 %, so that any quantile is right to 4 % from 0.1 ms to 10 minutes,
 * at a fixed small size, and two histograms can be subtracted to get what lies between them.
 */
export class Histogram {
  readonly #counts: Uint32Array;
  #sumMs = 0;

  constructor(counts = new Uint32Array(BUCKETS), sumMs = 0) {
    this.#counts = counts;
    this.#sumMs = sumMs;
  }

  record(ms: number): void {
    const bucket = bucketOf(ms);
    this.#counts[bucket] = (this.#counts[bucket] ?? 0) + 1;
    this.#sumMs += ms;
  }

  /** Takes everything recorded in `other` as well. */
  add(other: Histogram): void {
    other.#counts.forEach((count, bucket) => {
      this.#counts[bucket] = (this.#counts[bucket] ?? 0) + count;
    });
    this.#sumMs += other.#sumMs;
  }

  copy(): Histogram {
    return new Histogram(this.#counts.slice(), this.#sumMs);
  }

  /** What was recorded here since `earlier`, a copy of this histogram. */
  since(earlier: Histogram): Histogram {
    return new Histogram(
      this.#counts.map((count, bucket) => count - (earlier.#counts[bucket] ?? 0)),
      this.#sumMs - earlier.#sumMs,
    );
  }

  get count(): number {
    return this.#counts.reduce((total, count) => total + count, 0);
  }

  get sumMs(): number {
    return this.#sumMs;
  }

  /** The duration that `share` (0 to 1) of the recorded ones do not exceed, in ms; undefined when there are none. */
  quantile(share: number): number | undefined {
    const wanted = Math.ceil(this.count * share);
    if (wanted === 0) return undefined;
    let seen = 0;
    for (let bucket = 0; bucket < BUCKETS; bucket += 1) {
      seen += this.#counts[bucket] ?? 0;
      if (seen >= wanted) return upperBound(bucket);
    }
    return undefined;
  }

  /** How many of the recorded durations do not exceed `ms` (up to the width of a bucket). */
  countUpTo(ms: number): number {
    const last = bucketOf(ms);
    return this.#counts.subarray(0, last + 1).reduce((total, count) => total + count, 0);
  }
}

const SMALLEST_MS = 0.1;
const GROWTH = 1.04;
const BUCKETS = 400;

function bucketOf(ms: number): number {
  if (ms <= SMALLEST_MS) return 0;
  return Math.min(BUCKETS - 1, Math.ceil(Math.log(ms / SMALLEST_MS) / Math.log(GROWTH)));
}

function upperBound(bucket: number): number {
  return SMALLEST_MS * GROWTH ** bucket;
}
