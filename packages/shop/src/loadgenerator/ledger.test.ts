import { describe, expect, it } from 'vitest';
import { Ledger, type Outcome } from './ledger.ts';
import { metrics } from './metrics.ts';

function ledgerAt(seconds: { now: number }) {
  return new Ledger(() => new Date(Date.UTC(2026, 0, 1) + seconds.now * 1000));
}

/** A request that was due, and its outcome. */
function record(ledger: Ledger, outcome: Outcome): void {
  ledger.due();
  ledger.enter(outcome);
}

describe('the load generator’s books', () => {
  it('wait until they are started', () => {
    expect(new Ledger().stats()).toMatchObject({ state: 'waiting', startedAt: null, seconds: 0 });
  });

  it('count every request once, and its failure by route and kind', () => {
    const clock = { now: 0 };
    const ledger = ledgerAt(clock);
    ledger.start();
    record(ledger, { route: 'home', ms: 10 });
    record(ledger, { route: 'home', ms: 10, failure: 'status-503' });
    record(ledger, { route: 'cart', ms: 5000, failure: 'timeout' });
    clock.now = 4;
    expect(ledger.stats()).toMatchObject({
      state: 'running',
      seconds: 4,
      requests: { total: 3, failed: 2 },
      byRoute: {
        home: { total: 2, failed: 1, failuresByKind: { 'status-503': 1 } },
        cart: { total: 1, failed: 1, failuresByKind: { timeout: 1 } },
      },
      failuresByKind: { 'status-503': 1, timeout: 1 },
    });
  });

  it('tell what happened since a mark, quantiles and catalog calls included', () => {
    const clock = { now: 0 };
    const ledger = ledgerAt(clock);
    ledger.start();
    record(ledger, {
      route: 'home',
      ms: 4000,
      failure: 'timeout',
      catalogCalls: 'cluster2/vm=1,cluster1/failed=1',
    });
    clock.now = 10;
    const mark = ledger.mark();
    for (let ms = 1; ms <= 100; ms += 1)
      record(ledger, { route: 'home', ms, catalogCalls: 'cluster2/k8s=2' });
    clock.now = 12;
    const stats = ledger.stats(mark);
    expect(stats).toMatchObject({
      since: mark,
      seconds: 2,
      requests: { total: 100, failed: 0 },
      failuresByKind: {},
      catalogCalls: { total: 200, failed: 0, bySide: { k8s: 200 }, byCluster: { cluster2: { k8s: 200 } } },
    });
    expect(stats?.latency.p50).toBeGreaterThan(48);
    expect(stats?.latency.p50).toBeLessThan(53);
    expect(stats?.latency.max).toBeLessThan(105);
    expect(stats?.byRoute.home).toMatchObject({ failed: 0, failuresByKind: {}, latency: stats?.latency });
    expect(ledger.stats()?.catalogCalls).toMatchObject({
      total: 202,
      failed: 1,
      bySide: { vm: 1, k8s: 200 },
    });
  });

  it('tell how many requests are still under way', () => {
    const ledger = new Ledger();
    ledger.due();
    ledger.due();
    ledger.enter({ route: 'home', ms: 1 });
    expect(ledger.stats()).toMatchObject({ requests: { total: 1 }, pending: 1 });
  });

  it('tell when a call last reached each side, or was answered where the side does not say', () => {
    const clock = { now: 0 };
    const ledger = ledgerAt(clock);
    ledger.start();
    record(ledger, { route: 'home', ms: 20, catalogCalls: 'cluster2/vm=2,cluster1/vm=1' });
    clock.now = 3;
    record(ledger, { route: 'home', ms: 20, catalogCalls: 'cluster2/k8s=2@1767225602500,cluster1/vm=1' });
    expect(ledger.stats()?.catalogCalls.lastAt).toEqual({
      cluster1: { vm: '2026-01-01T00:00:03.000Z' },
      cluster2: { vm: '2026-01-01T00:00:00.000Z', k8s: '2026-01-01T00:00:02.500Z' },
    });
  });

  it('know only their own marks', () => {
    expect(new Ledger().stats('nobody')).toBeUndefined();
  });

  it('are written for Prometheus with the same figures', () => {
    const ledger = new Ledger();
    record(ledger, { route: 'home', ms: 30, catalogCalls: 'cluster2/vm=3' });
    record(ledger, { route: 'home', ms: 300, failure: 'degraded' });
    const text = metrics(ledger);
    expect(text).toContain('shop_requests_total{route="home"} 2\n');
    expect(text).toContain('shop_request_failures_total{route="home",kind="degraded"} 1\n');
    expect(text).toContain('shop_request_duration_seconds_bucket{route="home",le="0.05"} 1\n');
    expect(text).toContain('shop_request_duration_seconds_bucket{route="home",le="+Inf"} 2\n');
    expect(text).toContain('shop_catalog_calls_total{cluster="cluster2",outcome="vm"} 3\n');
  });
});
