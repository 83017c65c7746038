/** One line of the Prometheus text format. */
export interface PrometheusSample {
  readonly name: string;
  readonly labels: ReadonlyMap<string, string>;
  readonly value: number;
}

/**
 * Reads the lines whose metric name is wanted. A proxy's page has thousands of lines of which a few dozen matter, so
 * the others are skipped by their names alone, without a look at their labels.
 */
export function parsePrometheus(text: string, wanted: (name: string) => boolean): PrometheusSample[] {
  const samples: PrometheusSample[] = [];
  let lastName = '';
  let lastWanted = false;
  for (let start = 0; start < text.length; ) {
    const newline = text.indexOf('\n', start);
    const end = newline === -1 ? text.length : newline;
    if (text.charCodeAt(start) !== 0x23 /* # */ && end > start) {
      const nameEnd = endOfName(text, start, end);
      // Lines of one metric follow each other: the question is asked once for all of them.
      const same = nameEnd - start === lastName.length && text.startsWith(lastName, start);
      if (!same) {
        lastName = text.slice(start, nameEnd);
        lastWanted = wanted(lastName);
      }
      if (lastWanted) samples.push(parseLine(text, lastName, nameEnd, end));
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

function parseLine(text: string, name: string, nameEnd: number, end: number): PrometheusSample {
  const labels = new Map<string, string>();
  let at = nameEnd;
  if (text[at] === '{') {
    at += 1;
    while (at < end && text[at] !== '}') {
      const equals = text.indexOf('="', at);
      if (equals === -1 || equals > end) break;
      const label = text.slice(at, equals).trim();
      const close = closingQuote(text, equals + 2, end);
      labels.set(label, unescapeLabel(text.slice(equals + 2, close)));
      at = close + 1;
      if (text[at] === ',') at += 1;
    }
    at += 1; // the brace
  }
  // A timestamp may follow the value.
  const value = text.slice(at, end).trim().split(/\s/, 1)[0] ?? '';
  return { name, labels, value: numberOf(value) };
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
