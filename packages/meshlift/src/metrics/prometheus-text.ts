/** One line of the Prometheus text format. */
export interface PrometheusSample {
  readonly name: string;
  /** without a histogram's `le`; one and the same map for lines in a row that differ in it only */
  readonly labels: ReadonlyMap<string, string>;
  /** a histogram bucket's upper bound, `le`; null for any other line */
  readonly bound: number | null;
  readonly value: number;
}

const boundLabel = ',le="';

/** A line's labels as they were read once. */
interface ReadLabels {
  readonly labels: Map<string, string>;
  readonly bound: number | null;
  /** a bucket's labels up to its bound, the same for all buckets of its histogram; empty for other lines */
  readonly seriesText: string;
}

/**
 * Labels that were read before, by their text: a proxy's page has the same hundreds of characters of labels every time,
 * and so have the pages of its replicas. Who reads pages again and again keeps one of these.
 */
export class LabelMemory {
  readonly #known = new Map<string, ReadLabels>();
  readonly #most: number;

  /** forgets everything when there are more than `most`: labels come and go with the workloads that they name */
  constructor(most = 20_000) {
    this.#most = most;
  }

  /** the labels in the braces that begin at `from` and end before `to` */
  read(text: string, from: number, to: number): ReadLabels {
    const part = text.slice(from, to);
    const known = this.#known.get(part);
    if (known) return known;
    // A copy: a part of a string keeps the whole string, here a page, in memory.
    const own = [...part].join('');
    const read = parseLabels(own);
    if (this.#known.size >= this.#most) this.#known.clear();
    this.#known.set(own, read);
    return read;
  }
}

/**
 * Reads the lines whose metric name is wanted. A proxy's page has thousands of lines of which a few dozen matter, so
 * the others are skipped by their names alone; and a histogram has dozens of lines with the same hundreds of characters
 * of labels, which are read once.
 */
export function parsePrometheus(
  text: string,
  wanted: (name: string) => boolean,
  memory: LabelMemory = new LabelMemory(),
): PrometheusSample[] {
  const samples: PrometheusSample[] = [];
  let name = '';
  let isWanted = false;
  let series: ReadLabels | null = null;
  for (let start = 0; start < text.length; ) {
    const newline = text.indexOf('\n', start);
    const end = newline === -1 ? text.length : newline;
    if (text.charCodeAt(start) !== 0x23 /* # */ && end > start) {
      const nameEnd = endOfName(text, start, end);
      // Lines of one metric follow each other: the question is asked once for all of them.
      if (nameEnd - start !== name.length || !text.startsWith(name, start)) {
        name = text.slice(start, nameEnd);
        isWanted = wanted(name);
        series = null;
      }
      if (isWanted) {
        const boundAt = series?.seriesText ? nameEnd + series.seriesText.length : -1;
        if (series && isNextBucket(text, nameEnd, boundAt, series)) {
          samples.push({ name, labels: series.labels, ...boundAndValue(text, boundAt, end) });
        } else {
          // No value has a brace in it.
          const brace = text.lastIndexOf('}', end - 1);
          const labelsEnd = text[nameEnd] === '{' && brace > nameEnd ? brace + 1 : nameEnd;
          series = memory.read(text, nameEnd, labelsEnd);
          samples.push({
            name,
            labels: series.labels,
            bound: series.bound,
            value: valueAt(text, labelsEnd, end),
          });
        }
      }
    }
    start = end + 1;
  }
  return samples;
}

/** Compared as slices: a comparison of strings is far quicker than `startsWith`, which goes letter by letter. */
function isNextBucket(text: string, nameEnd: number, boundAt: number, { seriesText }: ReadLabels): boolean {
  return (
    boundAt !== -1 && text.startsWith(boundLabel, boundAt) && text.slice(nameEnd, boundAt) === seriesText
  );
}

function endOfName(text: string, start: number, end: number): number {
  let at = start;
  while (at < end) {
    const code = text.charCodeAt(at);
    if (code === 0x7b /* { */ || code === 0x20 /* space */ || code === 0x09 /* tab */) break;
    at += 1;
  }
  return at;
}

/** `{a="b",le="5"}`, or nothing at all */
function parseLabels(text: string): ReadLabels {
  const labels = new Map<string, string>();
  let seriesText = '';
  for (let at = 1; at < text.length && text[at] !== '}'; ) {
    const equals = text.indexOf('="', at);
    if (equals === -1) break;
    const label = text.slice(at, equals).trim();
    const close = closingQuote(text, equals + 2, text.length);
    if (label === 'le') seriesText = text.slice(0, at - 1);
    labels.set(label, unescapeLabel(text.slice(equals + 2, close)));
    at = text[close + 1] === ',' ? close + 2 : close + 1;
  }
  const le = labels.get('le');
  labels.delete('le');
  return { labels, seriesText, bound: le === undefined ? null : numberOf(le) };
}

/** The end of a bucket's line, from its `le` on: `,le="5"} 30`. */
function boundAndValue(text: string, at: number, end: number): { bound: number; value: number } {
  const from = at + boundLabel.length;
  const close = text.indexOf('"', from);
  return {
    bound: numberOf(text.slice(from, close)),
    value: valueAt(text, text.indexOf('}', close) + 1, end),
  };
}

/** A timestamp may follow the value. */
function valueAt(text: string, from: number, end: number): number {
  return numberOf(text.slice(from, end).trim().split(/\s/, 1)[0] ?? '');
}

function closingQuote(text: string, from: number, end: number): number {
  for (let at = from; at < end; at += 1) {
    if (text[at] === '\\') at += 1;
    else if (text[at] === '"') return at;
  }
  return end;
}

function unescapeLabel(text: string): string {
  if (!text.includes('\\')) return text;
  return text.replaceAll(/\\(.)/g, (_all, escaped: string) => (escaped === 'n' ? '\n' : escaped));
}

function numberOf(text: string): number {
  if (text === '+Inf') return Number.POSITIVE_INFINITY;
  if (text === '-Inf') return Number.NEGATIVE_INFINITY;
  return Number(text);
}
