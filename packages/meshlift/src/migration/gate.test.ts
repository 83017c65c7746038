import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { addHistograms } from '../metrics/histogram.ts';
import { binomial, seeded } from '../metrics/testdata/seeded.ts';
import type { GateSpec } from '../spec/migration.ts';
import { type GateWindow, judge, type SideWindow } from './gate.ts';
import { latency, side } from './testdata/situations.ts';

const gate: GateSpec = {
  minRequests: 200,
  maxErrorRate: 0.01,
  maxErrorRateOverVm: 0.005,
  p99OverVm: 1.5,
  p99Tolerance: 25,
  interval: 2_000,
  failures: 2,
};

type Told = Partial<SideWindow> & { readonly p99Ms?: number };

function sideOf({ p99Ms = 40, ...change }: Told): SideWindow {
  return side({ latency: latency(change.requests ?? 1_000, p99Ms), ...change });
}

function verdict(k8s: Told, vm: Told = {}, change: Partial<GateSpec> = {}) {
  return judge({ ...gate, ...change }, { known: true, k8s: sideOf(k8s), vm: sideOf(vm) });
}

const anySide = fc
  .record({
    requests: fc.oneof(fc.nat({ max: 300 }), fc.nat({ max: 5_000 })),
    failedShare: fc.oneof(
      fc.double({ min: 0, max: 0.05, noNaN: true }),
      fc.double({ min: 0, max: 1, noNaN: true }),
    ),
    caughtShare: fc.double({ min: 0, max: 1, noNaN: true }),
    p99Ms: fc.integer({ min: 2, max: 900 }),
  })
  .map(({ requests, failedShare, caughtShare, p99Ms }): SideWindow => {
    const failed = Math.floor(requests * failedShare);
    const caught = Math.floor((requests - failed) * caughtShare);
    return { requests, failed, caught, latency: latency(requests, p99Ms) };
  });

describe('the gate passes', () => {
  test('a copy without failures and as fast as the VM', () => {
    expect(verdict({})).toMatchObject({ verdict: 'pass', obvious: false });
  });

  test('a latency that lies in the same bucket as the limit: a histogram cannot tell more', () => {
    const coarse = { bounds: [10, 50, 250, Number.POSITIVE_INFINITY], sum: 1 };
    const vm = sideOf({ latency: { ...coarse, cumulative: [0, 1_000, 1_000, 1_000] } });
    const k8s = sideOf({ latency: { ...coarse, cumulative: [0, 0, 1_000, 1_000] } });
    expect(judge(gate, { known: true, vm, k8s }).verdict).toBe('pass');
    expect(judge({ ...gate, maxP99: 50 }, { known: true, vm, k8s }).verdict).toBe('fail');
  });

  test('exactly the failures that are allowed', () => {
    expect(verdict({ failed: 10 }, { failed: 10 }).verdict).toBe('pass');
  });

  test('a p99 exactly at its limit, and one within the tolerance of a fast VM', () => {
    expect(verdict({ p99Ms: 64 }, { p99Ms: 40 }).verdict).toBe('pass');
    expect(verdict({ p99Ms: 26 }, { p99Ms: 2 }).verdict).toBe('pass');
  });

  test('100 % on the copy, with nothing left to compare with', () => {
    expect(verdict({ p99Ms: 900 }, { requests: 0 }).verdict).toBe('pass');
  });

  test('a VM that fails more than the copy does', () => {
    expect(verdict({ failed: 9 }, { failed: 400 }).verdict).toBe('pass');
  });
});

describe('the gate fails', () => {
  test('more failures than the limit, without being sure at once', () => {
    expect(verdict({ failed: 11 }, { failed: 11 })).toMatchObject({ verdict: 'fail', obvious: false });
  });

  test('a copy that fails more than the VM, even below the absolute limit', () => {
    const { verdict: it, because } = verdict({ requests: 3_000, failed: 24 }, { requests: 3_000, failed: 6 });
    expect(it).toBe('fail');
    expect(because).toContain('more of its requests than the vm side');
  });

  test('failures that the net caught as if callers had seen them', () => {
    expect(verdict({ caught: 11 })).toMatchObject({ verdict: 'fail' });
    expect(verdict({ failed: 6, caught: 5 })).toMatchObject({ verdict: 'fail' });
  });

  test('a p99 over its limit, and names the figures', () => {
    const slowTail = { ...latency(1_000, 40), bounds: [5, 20, 40, 70, 200, Number.POSITIVE_INFINITY] };
    const k8s = { latency: { ...slowTail, cumulative: [0, 400, 900, 980, 1_000, 1_000] } };
    expect(verdict(k8s, { p99Ms: 40 })).toEqual({
      verdict: 'fail',
      obvious: false,
      because: "the k8s side's p99 is 135 ms, over 70 ms; the limit is 65 ms, since the vm side has 40 ms",
    });
  });

  test('a p99 over its own maximum, whatever the VM has', () => {
    const { verdict: it, because } = verdict({ p99Ms: 400 }, { p99Ms: 400 }, { maxP99: 150 });
    expect(it).toBe('fail');
    expect(because).toContain('the limit is 150 ms');
    expect(verdict({ p99Ms: 400 }, { requests: 0 }, { maxP99: 150 }).verdict).toBe('fail');
  });
});

describe('the gate fails at once', () => {
  test.each([
    [5, 20],
    [10, 12],
    [5, 5],
    [10, 50],
  ])('when %i of %i requests failed, though a verdict needs 200', (failed, requests) => {
    expect(verdict({ requests, failed })).toMatchObject({ verdict: 'fail', obvious: true });
  });

  test('when most requests took longer than the VM lets one in a hundred', () => {
    const { because, ...it } = verdict({ requests: 40, p99Ms: 200 }, { p99Ms: 40 });
    expect(it).toEqual({ verdict: 'fail', obvious: true });
    expect(because).toBe(
      '40 of 40 requests to the k8s side took over 100 ms; the limit is 65 ms, since the vm side has 40 ms',
    );
  });

  test('when the latest requests are as bad as the window is: waiting would only cost callers', () => {
    const vm = sideOf({ p99Ms: 40 });
    const slow = addHistograms(latency(2_000, 40), latency(40, 200));
    const tooSlow = (lately: SideWindow): GateWindow => ({
      known: true,
      vm,
      k8s: side({ latency: slow }),
      lately,
    });
    expect(judge(gate, tooSlow(sideOf({ requests: 40, p99Ms: 200 })))).toMatchObject({
      verdict: 'fail',
      obvious: true,
    });
    // A few slow ones among them: it goes on, if not beyond doubt.
    const some = side({ requests: 240, latency: addHistograms(latency(228, 40), latency(12, 200)) });
    expect(judge(gate, tooSlow(some))).toMatchObject({ verdict: 'fail', obvious: false });

    const k8s = sideOf({ requests: 2_000, failed: 24 });
    const failing = (lately: SideWindow): GateWindow => ({
      known: true,
      vm: sideOf({ failed: 20 }),
      k8s,
      lately,
    });
    expect(judge(gate, failing(sideOf({ requests: 40, failed: 8 })))).toMatchObject({
      verdict: 'fail',
      obvious: true,
    });
    expect(judge(gate, failing(sideOf({ requests: 40 })))).toMatchObject({ verdict: 'fail', obvious: false });
  });

  test('though a cluster could not be read, by what the others saw', () => {
    const soFar = { vm: sideOf({}), k8s: sideOf({ requests: 100, failed: 20 }) };
    const window: GateWindow = { known: false, because: 'no metrics from cluster2', soFar };
    expect(judge(gate, window)).toMatchObject({ verdict: 'fail', obvious: true });
  });

  test('practically never when the copy fails exactly as often as it may', () => {
    const random = seeded(11);
    let alarms = 0;
    for (let run = 0; run < 500; run += 1) {
      let failed = 0;
      // a look every second for a minute, 20 requests in each
      for (let requests = 1; requests <= 1_200; requests += 1) {
        if (random() < gate.maxErrorRate) failed += 1;
        if (requests % 20 === 0 && verdict({ requests, failed }).obvious) {
          alarms += 1;
          break;
        }
      }
    }
    expect(alarms).toBeLessThanOrEqual(5);
  });

  test('within two seconds when a copy with 20 requests a second fails one in five', () => {
    const random = seeded(12);
    let late = 0;
    for (let run = 0; run < 500; run += 1) {
      if (!verdict({ requests: 40, failed: binomial(random, 40, 0.2) }).obvious) late += 1;
    }
    expect(late).toBeLessThan(50);
  });
});

describe('the gate cannot say', () => {
  test('anything good of few requests', () => {
    expect(verdict({ requests: 199 })).toMatchObject({ verdict: 'inconclusive', obvious: false });
    expect(verdict({ requests: 0 }).verdict).toBe('inconclusive');
  });

  test('whether two failures more than the VM has are more than chance', () => {
    const { verdict: it, because } = verdict({ requests: 300, failed: 2 }, { requests: 300 });
    expect(it).toBe('inconclusive');
    expect(because).toContain('(2 of 300 against 0 of 300), which may still be chance');
  });

  test('whether a few slow requests among few are more than chance', () => {
    const slowAmong = (slow: number, requests: number) => ({
      requests,
      latency: {
        ...latency(requests, 40),
        bounds: [40, 70, 300, Number.POSITIVE_INFINITY],
        cumulative: [requests - slow, requests - slow, requests, requests],
      },
    });
    expect(verdict(slowAmong(3, 200), { p99Ms: 40 })).toMatchObject({
      verdict: 'inconclusive',
      because: expect.stringContaining('which may still be chance'),
    });
    expect(verdict(slowAmong(9, 200), { p99Ms: 40 }).verdict).toBe('fail');
    expect(verdict({ ...slowAmong(3, 200), failed: 100 }, { p99Ms: 40 }).verdict).toBe('fail');
  });

  test('anything bad of a slow moment that is over', () => {
    const window = {
      known: true,
      vm: sideOf({ p99Ms: 40 }),
      k8s: side({ latency: addHistograms(latency(2_000, 40), latency(60, 400)) }),
      lately: sideOf({ requests: 240 }),
    } as const;
    expect(judge(gate, window)).toEqual({
      verdict: 'inconclusive',
      obvious: false,
      because: expect.stringContaining('which the latest requests were not'),
    });
  });

  test('anything bad of slow first requests', () => {
    expect(verdict({ requests: 19, p99Ms: 900 }, { p99Ms: 5 }).verdict).toBe('inconclusive');
  });

  test('anything bad of one failure among few requests', () => {
    expect(verdict({ requests: 20, failed: 1 }).verdict).toBe('inconclusive');
    expect(verdict({ requests: 4, failed: 4 }).verdict).toBe('inconclusive');
    expect(verdict({ requests: 150, failed: 4 }).verdict).toBe('inconclusive');
  });

  test('anything at all without metrics, and says why there are none', () => {
    expect(judge(gate, { known: false, because: 'no metrics from cluster2' })).toEqual({
      verdict: 'error',
      obvious: false,
      because: 'no metrics from cluster2',
    });
  });

  test('whether the copy is slow when the VM had too few requests to compare with', () => {
    expect(verdict({ p99Ms: 900 }, { requests: 199, p99Ms: 5 }).verdict).toBe('pass');
  });
});

test('too few requests never pass', () => {
  fc.assert(
    fc.property(anySide, anySide, (k8s, vm) => {
      fc.pre(k8s.requests < gate.minRequests);
      expect(judge(gate, { known: true, k8s, vm }).verdict).not.toBe('pass');
    }),
  );
});

test('too few requests fail only when the failure is obvious', () => {
  fc.assert(
    fc.property(anySide, anySide, (k8s, vm) => {
      fc.pre(k8s.requests < gate.minRequests);
      const { verdict: it, obvious } = judge(gate, { known: true, k8s, vm });
      expect(it === 'fail').toBe(obvious);
    }),
  );
});

test('one more failure never turns a bad verdict into a good one, caught or not', () => {
  const goodness = { fail: 0, error: 1, inconclusive: 1, pass: 2 };
  fc.assert(
    fc.property(anySide, anySide, fc.constantFrom('failed' as const, 'caught' as const), (k8s, vm, how) => {
      fc.pre(k8s.failed + k8s.caught < k8s.requests);
      const worse = { ...k8s, [how]: k8s[how] + 1 };
      const before = judge(gate, { known: true, k8s, vm }).verdict;
      expect(goodness[judge(gate, { known: true, k8s: worse, vm }).verdict]).toBeLessThanOrEqual(
        goodness[before],
      );
    }),
  );
});

test('a request caught counts like a request failed', () => {
  fc.assert(
    fc.property(anySide, anySide, (k8s, vm) => {
      const uncaught = { ...k8s, failed: k8s.failed + k8s.caught, caught: 0 };
      const { because, ...it } = judge(gate, { known: true, k8s, vm });
      expect(judge(gate, { known: true, k8s: uncaught, vm })).toMatchObject(it);
      if (it.verdict === 'fail' && because.includes('requests to the k8s side failed') && k8s.caught > 0)
        expect(because).toContain(`the safety net caught ${k8s.caught} of them`);
    }),
  );
});

test('every verdict says why, and only a failure is obvious', () => {
  const anyWindow: fc.Arbitrary<GateWindow> = fc.oneof(
    fc.record({ known: fc.constant(true as const), k8s: anySide, vm: anySide }),
    fc.record({
      known: fc.constant(false as const),
      because: fc.string({ minLength: 1 }),
      soFar: fc.record({ k8s: anySide, vm: anySide }),
    }),
  );
  fc.assert(
    fc.property(anyWindow, (window) => {
      const { verdict: it, obvious, because } = judge(gate, window);
      expect(because).not.toBe('');
      expect(because).not.toMatch(/NaN|undefined|null/);
      if (obvious) expect(it).toBe('fail');
    }),
  );
});

test('part of the truth never passes', () => {
  fc.assert(
    fc.property(anySide, anySide, (k8s, vm) => {
      const { verdict: it } = judge(gate, { known: false, because: 'unread', soFar: { k8s, vm } });
      expect(['error', 'fail']).toContain(it);
    }),
  );
});
