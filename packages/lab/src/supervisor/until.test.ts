import { expect, test } from 'vitest';
import { until } from './until.ts';

const never = new AbortController().signal;

test('it asks until nothing is missing, and tells what was, in one line each', async () => {
  const answers = ['pod to be ready', 'line one\nline two', null];
  const told: string[] = [];
  await until(async () => answers.shift() ?? null, {
    signal: never,
    deadlineMs: 5_000,
    waitingFor: (what) => told.push(what),
  });
  expect(told).toEqual(['pod to be ready', 'line one']);
});

test('a rejection is a reason to wait like any other', async () => {
  let tries = 0;
  const flaky = async () => {
    tries += 1;
    if (tries === 1) throw new Error('connection refused');
    return null;
  };
  await expect(
    until(flaky, { signal: never, deadlineMs: 5_000, waitingFor: () => {} }),
  ).resolves.toBeUndefined();
});

test('after its deadline it gives up with what is still missing', async () => {
  const waiting = until(async () => 'the bridge', { signal: never, deadlineMs: 0, waitingFor: () => {} });
  await expect(waiting).rejects.toThrow(/still waiting after 0 s: the bridge/);
});

test('it ends when it is told to', async () => {
  const stop = new AbortController();
  const waiting = until(async () => 'forever', {
    signal: stop.signal,
    deadlineMs: 60_000,
    waitingFor: () => stop.abort(new Error('the lab is going down')),
  });
  await expect(waiting).rejects.toThrow('the lab is going down');
});
