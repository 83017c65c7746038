import { describe, expect, it } from 'vitest';
import type { FailureKind } from './ledger.ts';
import { untilOpen } from './opening.ts';

const signal = new AbortController().signal;

/** A way into the shop that fails in these ways, one look after the other, and is whole from then on. */
function way(route: string, ...failures: FailureKind[]) {
  const it = { route, looked: 0, look: async () => ({ route, ms: 1, failure: failures[it.looked++] }) };
  return it;
}

function logOf(lines: unknown[]) {
  const keep = (message: string, fields?: object) => void lines.push([message, fields]);
  return { debug: keep, info: keep, warning: keep, error: keep };
}

describe('the shop', () => {
  it('is open once a page is whole and every caller has its answer, all at once', async () => {
    const home = way('home');
    const recommendations = way('recommendation-direct', 'status-UNAVAILABLE', 'status-UNAVAILABLE');
    const lines: unknown[] = [];
    expect(await untilOpen([home.look, recommendations.look], logOf(lines), signal)).toBe(true);
    expect([home.looked, recommendations.looked]).toEqual([3, 3]);
    expect(lines).toEqual([['the shop is not open yet', { 'recommendation-direct': 'status-UNAVAILABLE' }]]);
  });

  it('is not open where a way that was whole no longer is when the other comes up', async () => {
    const looks = [way('home', undefined as never, 'status-503'), way('product', 'degraded')];
    const lines: unknown[] = [];
    expect(
      await untilOpen(
        looks.map(({ look }) => look),
        logOf(lines),
        signal,
      ),
    ).toBe(true);
    expect(looks.map(({ looked }) => looked)).toEqual([3, 3]);
    expect(lines).toHaveLength(2);
  });

  it('is no longer waited for once it should stop', async () => {
    const stop = new AbortController();
    const closed = async () => {
      stop.abort();
      return { route: 'home', ms: 1, failure: 'connect' as const };
    };
    expect(await untilOpen([closed], logOf([]), stop.signal)).toBe(false);
  });
});
