import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';

interface Scraped {
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
  /** seconds since the epoch */
  readonly at: number;
}

export interface Target {
  readonly namespace: string;
  readonly pod: string;
  /** its page; null when it doesn't answer */
  readonly page: string | null;
}

/**
 * A server that speaks Prometheus' query API for the expressions that Meshlift asks: a selector, `up == 0`, and the age of
 * a selector's newest sample. What it was not made for is an error, as it is for the real one. It scrapes when told to.
 */
export async function standInPrometheus() {
  let scraped: readonly Scraped[] = [];
  let now = () => Date.now() / 1_000;
  const asked: { authorization: string | undefined; query: string }[] = [];

  const evaluate = (query: string): object => {
    if (query === 'up == 0') return vector(scraped.filter((it) => it.labels.__name__ === 'up' && it.value === 0));
    const age = /^time\(\) - max\(timestamp\((\{.*\})\)\)$/.exec(query)?.[1];
    if (age !== undefined) {
      const times = select(age, scraped).map(({ at }) => at);
      return vector(times.length === 0 ? [] : [{ labels: {}, value: now() - Math.max(...times), at: now() }]);
    }
    if (/^\{.*\}$/.test(query)) return vector(select(query, scraped));
    throw new Error(`parse error: this stand-in does not know ${query}`);
  };

  const server = createServer(async (request, response) => {
    const url = new URL(request.url ?? '/', 'http://prometheus');
    const form = request.method === 'POST' ? new URLSearchParams(await text(request)) : url.searchParams;
    const query = form.get('query') ?? '';
    asked.push({ authorization: request.headers.authorization, query });
    const answer = (status: number, body: object) =>
      response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
    try {
      if (!url.pathname.endsWith('/api/v1/query')) answer(404, { status: 'error', error: 'not found' });
      else answer(200, { status: 'success', data: evaluate(query) });
    } catch (error) {
      answer(400, { status: 'error', errorType: 'bad_data', error: (error as Error).message });
    }
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));

  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    asked,
    /** what each target has now; the series of those that are no longer targets, or fail, end, as staleness markers do */
    scrape(targets: readonly Target[]): void {
      const at = now();
      scraped = targets.flatMap(({ namespace, pod, page }) => {
        const ofTarget = { namespace, pod, instance: `${pod}:15020`, job: 'kubernetes-pods' };
        const up = { labels: { ...ofTarget, __name__: 'up' }, value: page === null ? 0 : 1, at };
        return [up, ...exposed(page ?? '').map((it) => ({ ...it, labels: { ...it.labels, ...ofTarget }, at }))];
      });
    },
    setNow(clock: () => number): void {
      now = clock;
    },
    /** evaluates as over the wire: for what reaches it another way */
    answer: (query: string) => JSON.stringify({ status: 'success', data: evaluate(query) }),
    close: () => server.close(),
  };
}

function vector(rows: readonly Scraped[]): object {
  const result = rows.map(({ labels, value, at }) => ({
    metric: labels,
    value: [at, value === Number.POSITIVE_INFINITY ? '+Inf' : String(value)],
  }));
  return { resultType: 'vector', result };
}

/** `{a="x",b=~"y|z"}`: equality, and expressions that must match the whole value. */
function select(selector: string, samples: readonly Scraped[]): readonly Scraped[] {
  const matchers = [...selector.matchAll(/(\w+)(=~|=)("(?:[^"\\]|\\.)*")/g)].map(([, label = '', kind, quoted]) => {
    const wanted = JSON.parse(quoted ?? '""') as string;
    const expression = kind === '=~' ? new RegExp(`^(?:${wanted})$`) : null;
    return (labels: Readonly<Record<string, string>>) =>
      expression ? expression.test(labels[label] ?? '') : (labels[label] ?? '') === wanted;
  });
  return samples.filter(({ labels }) => matchers.every((matches) => matches(labels)));
}

/** The text format, line by line. */
function exposed(page: string): readonly { labels: Record<string, string>; value: number }[] {
  return page.split('\n').flatMap((line) => {
    const [, name, labels = '', value] = /^(\w+)(?:\{(.*)\})? (\S+)$/.exec(line) ?? [];
    if (name === undefined || line.startsWith('#')) return [];
    const pairs = [...labels.matchAll(/(\w+)="((?:[^"\\]|\\.)*)"/g)].map(([, key, it]) => [key, it] as const);
    return [{ labels: { ...Object.fromEntries(pairs), __name__: name }, value: Number(value) }];
  });
}
