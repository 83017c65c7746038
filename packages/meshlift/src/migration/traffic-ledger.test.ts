import { expect, test } from 'vitest';
import type { CallerWindow, CallSeries } from '../metrics/call-series.ts';
import type { SideRule } from '../metrics/tally.ts';
import { addWindows, emptyLedger } from './traffic-ledger.ts';

const rule: SideRule = {
  chosen: (host) => (host === 'vm.side' ? 'vm' : host === 'k8s.side' ? 'k8s' : null),
  answered: ({ workload }) => (workload === 'vm' ? 'vm' : workload === 'pod' ? 'k8s' : null),
};

function calls(
  host: string,
  workload: string | null,
  count: number,
  change: Partial<CallSeries> = {},
): CallSeries {
  return {
    host,
    port: 3550,
    answerer: { workload, namespace: 'default', address: null },
    responseCode: 200,
    grpcStatus: 0,
    flags: '',
    attempts: 1,
    count,
    ...change,
  };
}

const died = { grpcStatus: 14, flags: 'UF' };

function window(pod: string, workload: string, series: readonly CallSeries[]): CallerWindow {
  const caller = { cluster: 'cluster1', namespace: 'default', pod, workload, incarnation: pod };
  return {
    callers: [{ caller, calls: series, latency: [] }],
    unknown: [],
    appeared: [],
    gone: [],
    restarted: [],
  };
}

const start = '2026-11-23T07:00:00.000Z';
const later = '2026-11-23T07:01:00.000Z';

test('requests are added up by side and by caller, over windows and over a caller’s pods', () => {
  const first = addWindows(
    emptyLedger(start),
    [
      window('a-1', 'a', [calls('vm.side', 'vm', 80), calls('k8s.side', 'pod', 20)]),
      window('a-2', 'a', [calls('vm.side', 'vm', 5)]),
    ],
    rule,
    later,
  );
  const second = addWindows(first, [window('b-1', 'b', [calls('k8s.side', 'pod', 7)])], rule, later);
  expect(second).toMatchObject({ since: start, until: later, requests: 112, failed: 0 });
  expect(second.sides.vm.requests).toBe(85);
  expect(second.sides.k8s.requests).toBe(27);
  expect(second.callers.map(({ workload, requests }) => [workload, requests])).toEqual([
    ['a', 105],
    ['b', 7],
  ]);
});

test('failures are kept by caller and cause, the same cause once', () => {
  let ledger = emptyLedger(start);
  for (let i = 0; i < 3; i += 1) {
    const failed = [calls('k8s.side', null, 2, died), calls('vm.side', 'vm', 1, { grpcStatus: 13 })];
    ledger = addWindows(ledger, [window('a-1', 'a', failed)], rule, later);
  }
  expect(ledger).toMatchObject({ requests: 9, failed: 9 });
  expect(ledger.callers[0]?.causes).toEqual([
    { responseCode: 200, grpcStatus: 13, flags: '', count: 3 },
    { responseCode: 200, grpcStatus: 14, flags: 'UF', count: 6 },
  ]);
});

test('what the other side answered is counted as caught by the net, for the side that was meant', () => {
  const seen = [calls('k8s.side', 'vm', 4), calls('k8s.side', 'pod', 6)];
  const { sides, failed } = addWindows(emptyLedger(start), [window('a-1', 'a', seen)], rule, later);
  expect(sides.k8s).toMatchObject({ requests: 10, failed: 0, caught: 4 });
  expect(sides.vm).toMatchObject({ requests: 0, caught: 0 });
  expect(failed).toBe(0);
});

test('calls to other hosts are not the migration’s, and a caller with no other calls is not listed', () => {
  const ledger = addWindows(
    emptyLedger(start),
    [window('a-1', 'a', [calls('elsewhere', 'pod', 9)])],
    rule,
    later,
  );
  expect(ledger).toMatchObject({ requests: 0, callers: [] });
});

test('a caller that could not be read is remembered, not taken for silent', () => {
  const unread: CallerWindow = {
    ...window('a-1', 'a', []),
    unknown: [
      {
        caller: { cluster: 'cluster1', namespace: 'default', pod: 'b-1', workload: 'b', incarnation: 'b-1' },
        why: 'it was restarting',
      },
    ],
  };
  expect(addWindows(emptyLedger(start), [unread, unread], rule, later).unread).toBe(2);
});

test('a ledger is not changed by adding to it', () => {
  const before = emptyLedger(start);
  addWindows(before, [window('a-1', 'a', [calls('vm.side', 'vm', 1)])], rule, later);
  expect(before).toEqual(emptyLedger(start));
});
