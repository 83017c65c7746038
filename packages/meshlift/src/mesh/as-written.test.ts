import { expect, test } from 'vitest';
import { isAsWritten } from './as-written.ts';

const http2KeepAlive = { interval: '1s', timeout: '2s' };
const written = {
  host: 'a',
  trafficPolicy: { portLevelSettings: [{ port: 1, connectionPool: { http: { http2KeepAlive } } }] },
};

test('what an Istio before 1.31 keeps of a rule is as written, whatever its depth', () => {
  expect(isAsWritten(written, written)).toBe(true);
  const kept = {
    host: 'a',
    trafficPolicy: { portLevelSettings: [{ port: 1, connectionPool: { http: {} } }] },
  };
  expect(isAsWritten(kept, written)).toBe(true);
});

test('what somebody changed, took out or put in is not as written', () => {
  const otherPings = { ...http2KeepAlive, timeout: '20s' };
  for (const changed of [
    { ...written, host: 'b' },
    { host: 'a' },
    { ...written, exportTo: ['.'] },
    {
      host: 'a',
      trafficPolicy: {
        portLevelSettings: [{ port: 1, connectionPool: { http: { http2KeepAlive: otherPings } } }],
      },
    },
  ])
    expect(isAsWritten(changed, written)).toBe(false);
});
