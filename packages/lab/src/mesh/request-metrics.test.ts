import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { METRICS_ANNOTATIONS, requestMetrics } from './request-metrics.ts';

interface Stat {
  readonly name: string;
  readonly tags: readonly { readonly name: string; readonly value_format: string }[];
}

/** Every statistic of every access logger, found wherever it is. */
function statsIn(value: unknown): Stat[] {
  if (typeof value !== 'object' || value === null) return [];
  const own = 'stat' in value ? [value.stat as Stat] : [];
  return [...own, ...Object.values(value).flatMap(statsIn)];
}

const stats = statsIn(requestMetrics());
const readme = readFileSync(new URL('../../README.md', import.meta.url), 'utf8');

test('there is a statistic for callers and for those who answer, over HTTP and TCP', () => {
  const reporters = (name: string) =>
    new Set(
      stats
        .filter((stat) => stat.name === name)
        .map(({ tags }) => tags.find((tag) => tag.name === 'reporter')?.value_format),
    );
  for (const name of ['istio_requests_total', 'istio_tcp_connections_closed_total']) {
    expect(reporters(name)).toEqual(new Set(['source', 'destination']));
  }
});

test('no label of a statistic is there twice', () => {
  for (const { name, tags } of stats) {
    const names = tags.map((tag) => tag.name);
    expect(new Set(names).size, name).toBe(names.length);
  }
});

test('README.md names every statistic and explains every label', () => {
  for (const { name, tags } of stats) {
    expect(readme).toContain(name);
    for (const tag of tags) {
      const label = tag.name.replace(/^destination_service_/, '…_');
      expect(readme, `${name}: ${tag.name}`).toContain(`\`${label}\``);
    }
  }
});

test('durations from a millisecond to five seconds are told apart to a half at least', () => {
  const buckets = Object.values(
    JSON.parse(METRICS_ANNOTATIONS['sidecar.istio.io/statsHistogramBuckets'] ?? '{}') as Record<
      string,
      number[]
    >,
  )[0];
  const within = (buckets ?? []).filter((bound) => bound >= 1 && bound <= 5000);
  expect(within[0]).toBe(1);
  expect(within.at(-1)).toBe(5000);
  within.slice(1).forEach((bound, i) => {
    expect(bound / (within[i] ?? 0)).toBeLessThanOrEqual(2);
  });
});
