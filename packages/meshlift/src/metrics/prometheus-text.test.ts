import { expect, it } from 'vitest';
import { parsePrometheus } from './prometheus-text.ts';

const all = () => true;

it('reads names, labels and values', () => {
  const text = '# HELP up x\n# TYPE up gauge\nup 1\nhttp_total{code="200",host="a b"} 1.5e3 1700000000000\n';
  expect(parsePrometheus(text, all)).toEqual([
    { name: 'up', labels: new Map(), bound: null, value: 1 },
    {
      name: 'http_total',
      labels: new Map([
        ['code', '200'],
        ['host', 'a b'],
      ]),
      bound: null,
      value: 1500,
    },
  ]);
});

it('reads labels that hold quotes, braces, commas and escapes', () => {
  const [sample] = parsePrometheus('m{a="x\\"y},{",b="c\\\\d\\ne",} 2', all);
  expect(sample?.labels).toEqual(
    new Map([
      ['a', 'x"y},{'],
      ['b', 'c\\d\ne'],
    ]),
  );
  expect(sample?.value).toBe(2);
});

it('reads the labels of a histogram once, and its bounds one by one', () => {
  const line = (series: string, le: string, value: number) => `h_bucket{a="${series}",le="${le}"} ${value}\n`;
  const text =
    line('x', '0.5', 1) +
    line('x', '+Inf', 2) +
    line('xy', '0.5', 3) +
    'h_sum{a="xy"} 9\n' +
    line('x', '1', 4);
  const samples = parsePrometheus(text, all);
  expect(samples.map(({ labels, bound, value }) => [labels.get('a'), bound, value])).toEqual([
    ['x', 0.5, 1],
    ['x', Number.POSITIVE_INFINITY, 2],
    ['xy', 0.5, 3],
    ['xy', null, 9],
    ['x', 1, 4],
  ]);
  expect(samples[0]?.labels).toBe(samples[1]?.labels);
  expect(samples[0]?.labels.has('le')).toBe(false);
});

it('reads infinity and what is not a number', () => {
  expect(parsePrometheus('a +Inf\nb -Inf\nc NaN\n', all).map(({ value }) => value)).toEqual([
    Number.POSITIVE_INFINITY,
    Number.NEGATIVE_INFINITY,
    Number.NaN,
  ]);
});

it('skips what is not wanted, also when one name begins like another', () => {
  const text = 'ab{x="1"} 1\na{x="1"} 2\nabc 3\na{x="2"} 4\n';
  expect(parsePrometheus(text, (name) => name === 'a').map(({ value }) => value)).toEqual([2, 4]);
});

it('reads the few wanted lines of a 200 KB page in 5 ms', () => {
  const noise = Array.from(
    { length: 1_800 },
    (_, i) =>
      `envoy_cluster_upstream_rq_total{envoy_cluster_name="outbound|${i}||some.service.svc.cluster.local"} ${i}`,
  );
  const wanted = Array.from(
    { length: 40 },
    (_, i) => `istio_requests_total{reporter="source",response_code="${i}"} ${i}`,
  );
  const page = [...noise, ...wanted].join('\n');
  expect(page.length).toBeGreaterThan(180_000);
  const times = Array.from({ length: 20 }, () => {
    const start = performance.now();
    expect(parsePrometheus(page, (name) => name === 'istio_requests_total')).toHaveLength(40);
    return performance.now() - start;
  });
  expect(Math.min(...times)).toBeLessThan(5);
});
