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

/**
 * Reads the lines whose metric name is wanted. A proxy's page has thousands of lines of which a few dozen matter, so
 * the others are skipped by their names alone; and a histogram has dozens of lines with the same hundreds of characters
 * of labels, which are read once.
 */
export function parsePrometheus(text: string, wanted: (name: string) => boolean): PrometheusSample[] {
  const samples: PrometheusSample[] = [];
  let name = '';
  let isWanted = false;
  let series = { text: '', labels: new Map<string, string>() };
  for (let start = 0; start < text.length; ) {
    const newline = text.indexOf('\n', start);
    const end = newline === -1 ? text.length : newline;
    if (text.charCodeAt(start) !== 0x23 /* # */ && end > start) {
      const nameEnd = endOfName(text, start, end);
      // Lines of one metric follow each other: the question is asked once for all of them.
      if (nameEnd - start !== name.length || !text.startsWith(name, start)) {
        name = text.slice(start, nameEnd);
        isWanted = wanted(name);
        series = { text: '', labels: new Map() };
      }
      if (isWanted) {
        const sameSeries = series.text !== '' && text.startsWith(series.text, nameEnd);
        const boundAt = nameEnd + series.text.length;
        if (sameSeries && text.startsWith(boundLabel, boundAt)) {
          samples.push({ name, labels: series.labels, ...boundAndValue(text, boundAt, end) });
        } else {
          const line = parseLine(text, nameEnd, end);
          series = { text: line.seriesText, labels: line.labels };
          samples.push({ name, labels: line.labels, bound: line.bound, value: line.value });
        }
      }
    }
    start = end + 1;
  }
  return samples;
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

function parseLine(text: string, nameEnd: number, end: number) {
  const labels = new Map<string, string>();
  let at = nameEnd;
  let seriesText = '';
  if (text[at] === '{') {
    at += 1;
    while (at < end && text[at] !== '}') {
      const equals = text.indexOf('="', at);
      if (equals === -1 || equals > end) break;
      const label = text.slice(at, equals).trim();
      const close = closingQuote(text, equals + 2, end);
      if (label === 'le') seriesText = text.slice(nameEnd, at - 1);
      labels.set(label, unescapeLabel(text.slice(equals + 2, close)));
      at = close + 1;
      if (text[at] === ',') at += 1;
    }
    at += 1; // the brace
  }
  const le = labels.get('le');
  labels.delete('le');
  return { labels, seriesText, bound: le === undefined ? null : numberOf(le), value: valueAt(text, at, end) };
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
