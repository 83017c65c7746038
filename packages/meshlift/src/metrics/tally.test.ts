import fc from 'fast-check';
import { expect, it } from 'vitest';
import type { Answerer, CallerWindow, CallSeries } from './call-series.ts';
import { emptySplitTally, type SideRule, sumSplit, tally } from './tally.ts';

const rule: SideRule = {
  chosen: (host) => (host === 'vm.side' ? 'vm' : host === 'k8s.side' ? 'k8s' : null),
  answered: ({ workload }) => (workload === 'catalog-vm' ? 'vm' : workload === 'catalog' ? 'k8s' : null),
};
const nobody: Answerer = { workload: null, namespace: null, address: null };
const byVm: Answerer = { ...nobody, workload: 'catalog-vm' };
const byCopy: Answerer = { ...nobody, workload: 'catalog' };

function call(host: string, answerer: Answerer, count: number, responseCode = 200, flags = ''): CallSeries {
  return { host, port: null, answerer, responseCode, grpcStatus: null, flags, attempts: null, count };
}

function window(...calls: CallSeries[]): CallerWindow {
  const caller = { cluster: 'c', namespace: 'n', pod: 'p', workload: 'w', incarnation: '1' };
  const histogram = { bounds: [1, Number.POSITIVE_INFINITY], cumulative: [1, 2], sum: 3 };
  const latency = calls.map(({ host, port, answerer }) => ({ host, port, answerer, histogram }));
  return { callers: [{ caller, calls, latency }], unknown: [], appeared: [], gone: [], restarted: [] };
}

it('counts by the side that the route chose and by the side that answered', () => {
  const seen = tally([window(call('vm.side', byVm, 80), call('k8s.side', byCopy, 20))], rule);
  expect(seen.chosen).toMatchObject({ vm: { requests: 80, failed: 0 }, k8s: { requests: 20 } });
  expect(seen.answered).toMatchObject({ vm: { requests: 80 }, k8s: { requests: 20 } });
  expect(seen.caught).toEqual({ vm: 0, k8s: 0 });
});

it('shows what the net caught: chosen for one side, answered by the other', () => {
  const seen = tally([window(call('k8s.side', byVm, 5), call('k8s.side', byCopy, 15))], rule);
  expect(seen.caught).toEqual({ vm: 0, k8s: 5 });
  expect(seen.chosen.k8s).toMatchObject({ requests: 20, failed: 0 });
  expect(seen.answered.vm.requests).toBe(5);
});

it('tells how the net caught a call, as far as the proxy counts its attempts', () => {
  const caught = (attempts: number | null, count: number) => ({
    ...call('k8s.side', byVm, count),
    attempts,
  });
  const seen = tally([window(caught(2, 7), caught(1, 3), caught(null, 2), call('vm.side', byVm, 9))], rule);
  expect(seen.caughtHow).toEqual({
    vm: { retried: 0, rerouted: 0, untold: 0 },
    k8s: { retried: 7, rerouted: 3, untold: 2 },
  });
  expect(sumSplit(seen, seen).caughtHow.k8s).toEqual({ retried: 14, rerouted: 6, untold: 4 });
});

it('counts a call for the side that its route chose, whoever answered: the net bends no split', () => {
  fc.assert(
    fc.property(fc.nat(1_000), fc.nat(1_000), fc.nat(1_000), (own, byOther, lost) => {
      const calls = [
        call('k8s.side', byCopy, own),
        { ...call('k8s.side', byVm, byOther), attempts: 2 },
        call('k8s.side', nobody, lost, 503, 'UF'),
        call('vm.side', byVm, 100),
      ];
      const seen = tally([window(...calls)], rule);
      expect(seen.chosen.k8s.requests).toBe(own + byOther + lost);
      expect(seen.chosen.vm.requests).toBe(100);
      const { retried, rerouted, untold } = seen.caughtHow.k8s;
      expect(retried + rerouted + untold).toBe(seen.caught.k8s);
    }),
  );
});

it('does not call caught what failed on the other side too', () => {
  expect(tally([window(call('k8s.side', byVm, 5, 503))], rule).caught.k8s).toBe(0);
});

it('lists the causes of failures, most frequent first', () => {
  const calls = [
    call('vm.side', nobody, 2, 503, 'UF'),
    call('vm.side', byVm, 3, 500),
    call('vm.side', nobody, 4, 503, 'UF'),
  ];
  const { failed, causes } = tally([window(...calls)], rule).chosen.vm;
  expect(failed).toBe(9);
  expect(causes).toEqual([
    { responseCode: 503, grpcStatus: null, flags: 'UF', count: 6 },
    { responseCode: 500, grpcStatus: null, flags: '', count: 3 },
  ]);
});

it('keeps calls to other hosts apart', () => {
  const seen = tally([window(call('own.name', byVm, 3))], rule);
  expect(seen.other.requests).toBe(3);
  expect(seen.chosen).toEqual(emptySplitTally.chosen);
});

it('says the same for windows together as for their sum', () => {
  const anyCall = fc
    .tuple(
      fc.constantFrom('vm.side', 'k8s.side', 'x'),
      fc.constantFrom(nobody, byVm, byCopy),
      fc.nat(100),
      fc.constantFrom(200, 503),
    )
    .map(([host, answerer, count, code]) => call(host, answerer, count, code));
  const anyWindow = fc.array(anyCall, { maxLength: 5 }).map((calls) => window(...calls));
  fc.assert(
    fc.property(anyWindow, anyWindow, (a, b) => {
      const apart = sumSplit(tally([a], rule), tally([b], rule));
      const together = tally([a, b], rule);
      expect(apart.chosen.vm.requests).toBe(together.chosen.vm.requests);
      expect(apart.chosen.k8s.failed).toBe(together.chosen.k8s.failed);
      expect(apart.chosen.vm.latency).toEqual(together.chosen.vm.latency);
      expect(apart.caught).toEqual(together.caught);
    }),
  );
});
