import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Caller, CallerCounters, CallerSample, CallSeries } from './call-series.ts';
import { carry, subtract } from './subtract.ts';

const answerer = { workload: 'catalog', namespace: 'default', address: null };

function caller(pod: string, incarnation = `${pod}-1`): Caller {
  return { cluster: 'cluster1', namespace: 'default', pod, workload: 'frontend', incarnation };
}

function call(responseCode: number, count: number): CallSeries {
  return {
    host: 'vm.side',
    port: 3550,
    answerer,
    responseCode,
    grpcStatus: null,
    flags: '',
    attempts: null,
    count,
  };
}

function counters(of: Caller, ...calls: CallSeries[]): CallerCounters {
  const total = calls.reduce((sum, { count }) => sum + count, 0);
  const histogram = { bounds: [10, Number.POSITIVE_INFINITY], cumulative: [total, total], sum: total };
  return { caller: of, calls, latency: [{ host: 'vm.side', port: 3550, answerer, histogram }] };
}

function sample(callers: CallerCounters[], unread: Caller[] = []): CallerSample {
  return {
    cluster: 'cluster1',
    callers,
    unread: unread.map((it) => ({ caller: it, why: 'it did not answer' })),
  };
}

function total(callers: readonly CallerCounters[]): number {
  return callers.flatMap(({ calls }) => calls).reduce((sum, { count }) => sum + count, 0);
}

describe('the calls between two samples', () => {
  it('are what the counters grew by, per outcome', () => {
    const window = subtract(
      sample([counters(caller('a'), call(200, 15), call(503, 2))]),
      sample([counters(caller('a'), call(200, 10))]),
    );
    expect(window.callers[0]?.calls).toEqual([call(200, 5), call(503, 2)]);
    expect(window.callers[0]?.latency[0]?.histogram.cumulative).toEqual([7, 7]);
  });

  it('leave out outcomes that did not happen', () => {
    const same = sample([counters(caller('a'), call(200, 10))]);
    expect(subtract(same, same).callers[0]?.calls).toEqual([]);
  });

  it('count a new pod from zero', () => {
    const window = subtract(sample([counters(caller('b'), call(200, 3))]), sample([]));
    expect(total(window.callers)).toBe(3);
    expect(window.appeared).toEqual([caller('b')]);
  });

  it('count a restarted proxy from zero, even when it has caught up', () => {
    const window = subtract(
      sample([counters(caller('a', 'second'), call(200, 50))]),
      sample([counters(caller('a', 'first'), call(200, 10))]),
    );
    expect(total(window.callers)).toBe(50);
    expect(window.restarted).toEqual([caller('a', 'second')]);
  });

  it('count from zero when a counter shrank', () => {
    const window = subtract(
      sample([counters(caller('a'), call(200, 4))]),
      sample([counters(caller('a'), call(200, 10))]),
    );
    expect(total(window.callers)).toBe(4);
    expect(window.callers[0]?.latency[0]?.histogram.cumulative).toEqual([4, 4]);
    expect(window.restarted).toEqual([caller('a')]);
  });

  it('name the pods that went', () => {
    const window = subtract(sample([]), sample([counters(caller('a'), call(200, 10))]));
    expect(window).toMatchObject({ callers: [], gone: [caller('a')] });
  });
});

describe('a caller that could not be read', () => {
  const before = sample([counters(caller('a'), call(200, 10))]);

  it('is unknown at the end of the window, not idle and not gone', () => {
    const window = subtract(sample([], [caller('a')]), before);
    expect(window.unknown).toMatchObject([{ caller: caller('a') }]);
    expect(window.gone).toEqual([]);
  });

  it('is unknown at the start of the window, not new', () => {
    const window = subtract(sample([counters(caller('a'), call(200, 1_000))]), sample([], [caller('a')]));
    expect(window.unknown).toMatchObject([{ caller: caller('a') }]);
    expect(total(window.callers)).toBe(0);
  });

  it('is new when its proxy started since', () => {
    const window = subtract(
      sample([counters(caller('a', 'second'), call(200, 7))]),
      sample([], [caller('a', 'first')]),
    );
    expect(window.unknown).toEqual([]);
    expect(total(window.callers)).toBe(7);
  });
});

it('windows in a row add up to what one long window sees, whatever restarts', () => {
  const life = fc.array(fc.record({ calls: fc.nat(50), restart: fc.boolean() }), {
    minLength: 2,
    maxLength: 12,
  });
  fc.assert(
    fc.property(life, (steps) => {
      let count = 0;
      let lives = 0;
      let made = 0;
      const samples = steps.map(({ calls, restart }) => {
        if (restart) {
          lives += 1;
          count = 0;
        }
        count += calls;
        made += calls;
        return sample([counters(caller('a', `life ${lives}`), call(200, count))]);
      });
      const seen = samples.slice(1).map((later, i) => subtract(later, samples[i] ?? sample([])));
      expect(seen.reduce((sum, { callers }) => sum + total(callers), 0)).toBe(made - (steps[0]?.calls ?? 0));
    }),
  );
});

it('windows in a row miss no call of a caller that could not be read for a while', () => {
  const life = fc.array(fc.record({ calls: fc.nat(50), readable: fc.boolean() }), {
    minLength: 1,
    maxLength: 12,
  });
  fc.assert(
    fc.property(life, (steps) => {
      let count = 0;
      let base = sample([counters(caller('a'))]);
      let seen = 0;
      for (const { calls, readable } of [...steps, { calls: 0, readable: true }]) {
        count += calls;
        const now = readable ? sample([counters(caller('a'), call(200, count))]) : sample([], [caller('a')]);
        seen += total(subtract(now, base).callers);
        base = carry(now, base);
      }
      expect(seen).toBe(count);
    }),
  );
});

it('does not carry the counters of a proxy that another one has followed', () => {
  const base = carry(
    sample([], [caller('a', 'second')]),
    sample([counters(caller('a', 'first'), call(200, 10))]),
  );
  expect(base.callers).toEqual([]);
  const now = sample([counters(caller('a', 'second'), call(200, 4))]);
  expect(subtract(now, base)).toMatchObject({ callers: [], unknown: [{ caller: caller('a', 'second') }] });
});
