import { describe, expect, it } from 'vitest';
import { RpcError } from '../rpc/rpc-error.ts';
import { Faults, NO_FAULTS, readFaultPlan } from './faults.ts';

async function failures(faults: Faults, calls: number): Promise<number> {
  let failed = 0;
  for (let call = 0; call < calls; call += 1) {
    await faults.strike().catch(() => {
      failed += 1;
    });
  }
  return failed;
}

describe('the fault plan', () => {
  it('lets every call through when there is none', async () => {
    expect(await failures(new Faults(NO_FAULTS), 100)).toBe(0);
  });

  it.each([
    [0.2, 20],
    [0.01, 1],
    [1, 100],
  ])('fails the share %s of calls, evenly and exactly', async (errorRate, expected) => {
    expect(await failures(new Faults({ ...NO_FAULTS, errorRate }), 100)).toBe(expected);
  });

  it('fails with the status that it names', async () => {
    const faults = new Faults({ errorRate: 1, errorStatus: 'UNAVAILABLE', latencyMs: 0 });
    await expect(faults.strike()).rejects.toSatisfy(
      (error) => error instanceof RpcError && error.codeName === 'UNAVAILABLE',
    );
  });

  it('makes answers wait', async () => {
    const started = performance.now();
    await new Faults({ ...NO_FAULTS, latencyMs: 30 }).strike();
    expect(performance.now() - started).toBeGreaterThanOrEqual(29);
  });

  it('takes a part of a plan and keeps the rest', () => {
    const current = { errorRate: 0.5, errorStatus: 'INTERNAL', latencyMs: 10 };
    expect(readFaultPlan({ latencyMs: 0 }, current)).toEqual({ ...current, latencyMs: 0 });
  });

  it.each([
    [{ errorRate: 2 }, 'errorRate is 2'],
    [{ errorRate: '20%' }, 'errorRate is "20%"'],
    [{ latencyMs: -1 }, 'latencyMs is -1'],
    [{ errorStatus: 'OK' }, 'errorStatus is "OK"'],
    [{ errorStatus: 'BROKEN' }, 'errorStatus is "BROKEN"'],
    [{ errors: 1 }, 'unknown key "errors"'],
    [null, 'expected a JSON object'],
  ])('refuses %j', (input, message) => {
    expect(() => readFaultPlan(input, NO_FAULTS)).toThrow(message);
  });
});
