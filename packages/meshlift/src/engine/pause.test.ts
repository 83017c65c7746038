import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { conflict, times } from '../effects/kube/faults.ts';
import { isMeshliftError } from '../errors/error.ts';
import type { Goal } from '../migration/decision.ts';
import { splitWithK8s } from '../migration/traffic-split.ts';
import { drive } from './engine.ts';
import { readHistory, readStatus } from './journal.ts';
import { pause, resume } from './pause.ts';
import { FakeWorld } from './testdata/fake-world.ts';

vi.setConfig({ testTimeout: 60_000 });

const run: Goal = { do: 'run', until: 'Retired' };
let world: FakeWorld;
beforeEach(() => {
  world = new FakeWorld({
    rollout: { steps: [20, 50, 100], hold: '4s', gate: { interval: '1s', minRequests: 100 } },
  });
});
afterEach(() => world.stop());

const other = () => ({ ...world.engine(), by: 'olga@desk' });
const agreed = async () => (await readStatus(world.engine())).agreed?.split.k8s ?? null;

async function untilAgreed(k8s: number): Promise<void> {
  for (let i = 0; (await agreed()) !== k8s; i += 1) {
    if (i > 1_000) throw new Error(`${k8s} % was never agreed`);
    await world.clock.wait(100);
  }
}

test('a running engine takes no step while it is paused, and goes on when it is resumed', async () => {
  const running = drive(world.engine(), run);
  await untilAgreed(20);
  expect(await pause(other(), 'lunch')).toMatchObject({ by: 'olga@desk', reason: 'lunch' });
  await world.clock.wait(120_000);
  expect(await agreed()).toBe(20);
  expect(
    world.events
      .slice(-2)
      .map(({ message }) => message)
      .join(),
  ).toContain('olga@desk paused it');
  expect(await resume(other())).toMatchObject({ reason: 'lunch' });
  expect((await running).outcome).toBe('done');
  expect(world.lost).toBe(0);
});

test('a paused migration still goes back when the copy turns bad', async () => {
  const running = drive(world.engine(), run);
  await untilAgreed(20);
  await pause(other());
  world.copyFailsEvery = 3;
  expect((await running).outcome).toBe('rolledBack');
  expect(await agreed()).toBe(0);
});

test('a command that goes forward is held while it is paused, and a rollback is not', async () => {
  await drive(world.engine(), { do: 'join' });
  await drive(world.engine(), { do: 'deploy' });
  await drive(world.engine(), { do: 'shift', split: splitWithK8s(20) });
  await pause(other(), 'freeze');
  const ending = await drive(world.engine(), { do: 'shift', split: splitWithK8s(50) });
  expect(ending).toMatchObject({ outcome: 'held', next: 'meshlift resume' });
  expect(ending.because).toContain('freeze');
  expect(await agreed()).toBe(20);
  expect((await drive(world.engine(), { do: 'rollback' })).outcome).toBe('done');
  expect(await agreed()).toBe(0);
});

test('pausing twice keeps the first pause, and resuming what is not paused says so', async () => {
  await drive(world.engine(), { do: 'join' });
  const first = await pause(other(), 'first');
  expect(await pause(world.engine(), 'second')).toEqual(first);
  expect(await resume(other())).toEqual(first);
  expect(await resume(other())).toBeNull();
});

test('what has not begun can’t be paused', async () => {
  const failure = await pause(other()).catch((error: unknown) => error);
  expect(isMeshliftError(failure, 'wrong-phase')).toBe(true);
});

test('a pause outlives what an engine records at the same moment, and the other way round', async () => {
  await drive(world.engine(), { do: 'join' });
  world.faults.cluster1 = { applyStatus: times(3, conflict) };
  await pause(other(), 'busy');
  const { paused, phase } = await readStatus(world.engine());
  expect(paused?.reason).toBe('busy');
  expect(phase).toBe('Joined');
});

test('the history says who asked for what, what was done, and how it ended', async () => {
  await drive({ ...world.engine(), by: 'anna@laptop' }, { do: 'join' });
  await pause(other(), 'lunch');
  await resume(other());
  const history = await readHistory(world.engine());
  expect(history.map(({ by, what, message }) => `${by} ${what} ${message}`)).toEqual([
    'anna@laptop command vm join',
    'anna@laptop act joining the VM to the mesh: the VM is not in the mesh yet',
    'anna@laptop done joining the VM to the mesh',
    'olga@desk paused paused: lunch',
    expect.stringMatching(/^olga@desk resumed resumed; it was paused by olga@desk at /),
  ]);
  expect(history.map(({ at }) => at)).toEqual(history.map(({ at }) => at).toSorted());
});
