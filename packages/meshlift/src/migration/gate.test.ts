import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { GateSpec } from '../spec/migration.ts';
import { type GateWindow, judge, type SideWindow } from './gate.ts';

const gate: GateSpec = {
  minRequests: 200,
  maxErrorRate: 0.01,
  maxErrorRateOverVm: 0.005,
  p99OverVm: 1.5,
  p99Tolerance: 25,
  interval: 2_000,
  failures: 2,
};

function side(change: Partial<SideWindow> = {}): SideWindow {
  return { requests: 1_000, failed: 0, caught: 0, p50Ms: 5, p99Ms: 40, ...change };
}

function verdict(k8s: Partial<SideWindow>, vm: Partial<SideWindow> = {}) {
  return judge(gate, { known: true, k8s: side(k8s), vm: side(vm) });
}

const anySide = fc
  .record({
    requests: fc.nat({ max: 5_000 }),
    failedShare: fc.double({ min: 0, max: 1, noNaN: true }),
    caughtShare: fc.double({ min: 0, max: 1, noNaN: true }),
    p99Ms: fc.option(fc.double({ min: 0, max: 10_000, noNaN: true })),
  })
  .map(({ requests, failedShare, caughtShare, p99Ms }): SideWindow => {
    const failed = Math.floor(requests * failedShare);
    const caught = Math.floor((requests - failed) * caughtShare);
    return { requests, failed, caught, p50Ms: p99Ms, p99Ms: requests === 0 ? null : p99Ms };
  });

describe('the gate passes', () => {
  test('a copy without failures and as fast as the VM', () => {
    expect(verdict({})).toMatchObject({ verdict: 'pass', obvious: false });
  });

  test('exactly the failures that are allowed', () => {
    expect(verdict({ failed: 10 }, { failed: 10 }).verdict).toBe('pass');
  });

  test('a p99 exactly at its limit, and one within the tolerance of a fast VM', () => {
    expect(verdict({ p99Ms: 65 }, { p99Ms: 40 }).verdict).toBe('pass');
    expect(verdict({ p99Ms: 26 }, { p99Ms: 1 }).verdict).toBe('pass');
  });

  test('100 % on the copy, with nothing left to compare with', () => {
    expect(verdict({ p99Ms: 900 }, { requests: 0, p99Ms: null }).verdict).toBe('pass');
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
    const { verdict: it, because } = verdict({ failed: 8 }, { failed: 2 });
    expect(it).toBe('fail');
    expect(because).toContain('more of its requests than the vm side');
  });

  test('failures that the net caught as if callers had seen them', () => {
    expect(verdict({ caught: 11 })).toMatchObject({ verdict: 'fail' });
    expect(verdict({ failed: 6, caught: 5 })).toMatchObject({ verdict: 'fail' });
  });

  test('a p99 over its limit, and names the figures', () => {
    const { verdict: it, because } = verdict({ p99Ms: 66 }, { p99Ms: 40 });
    expect(it).toBe('fail');
    expect(because).toBe("the k8s side's p99 is 66 ms, over 65 ms (the vm side has 40 ms)");
  });

  test('at once when there is no doubt, though there were few requests', () => {
    expect(verdict({ requests: 12, failed: 10 })).toMatchObject({ verdict: 'fail', obvious: true });
  });
});

describe('the gate cannot say', () => {
  test('anything good of few requests', () => {
    expect(verdict({ requests: 199 })).toMatchObject({ verdict: 'inconclusive', obvious: false });
    expect(verdict({ requests: 0, p99Ms: null }).verdict).toBe('inconclusive');
  });

  test('anything bad of one failure among few requests', () => {
    expect(verdict({ requests: 20, failed: 1 }).verdict).toBe('inconclusive');
    expect(verdict({ requests: 9, failed: 9 }).verdict).toBe('inconclusive');
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
      expect(judge(gate, { known: true, k8s, vm })).toEqual(judge(gate, { known: true, k8s: uncaught, vm }));
    }),
  );
});

test('every verdict says why, and only a failure is obvious', () => {
  const anyWindow: fc.Arbitrary<GateWindow> = fc.oneof(
    fc.record({ known: fc.constant(true as const), k8s: anySide, vm: anySide }),
    fc.record({ known: fc.constant(false as const), because: fc.string({ minLength: 1 }) }),
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
