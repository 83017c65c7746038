import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { atAnyLatency, fewerCustomers, type MigrationDraft, Scenario } from '../scenario.ts';
import { answerSeconds, failures, type LostCalls, lostCalls } from '../verdicts.ts';

const clusters = ['cluster1', 'cluster2'] as const;

/** What is under way at one moment is a few requests; no more than these may end with the VM. */
const underWay = 20;
/** A silent link is noticed by the pings of the side hosts: two a second, answered within two. */
const noticedWithinSeconds = 3;
interface Toll {
  /** requests of customers */
  readonly failed: number;
  readonly lost: LostCalls;
  /** calls a second */
  readonly rate: number;
}

/** The safe side is the healthy one: with the VM gone while both sides serve, everything goes to the copy that passed. */
describe.each([
  ['endpoint-discovery', 'vm-dies'],
  ['global-names', 'vm-dies-apart'],
] as const)('a VM that dies at 50 %% (%s)', (topology, lab) => {
  let scenario: Scenario;
  let file: string;

  beforeAll(async () => {
    scenario = await Scenario.begin(lab, { topology, customers: fewerCustomers });
    file = await scenario.deployed(halfWay('idempotent', '10m'));
  });
  afterAll(() => scenario.end());

  /** Time alone never takes a step while a scenario looks: what moves, moves for the reason that it is about. */
  const halfWay = (retries: 'safe' | 'idempotent', hold: string) => (draft: MigrationDraft) => {
    draft.spec.net = { retries };
    atAnyLatency(draft);
    Object.assign(draft.spec.rollout, { steps: [50, 100], hold });
  };

  const faults = {
    'is killed': { begin: ['vm', 'kill'], end: ['vm', 'start'] },
    'is cut off in silence': { begin: ['fault', 'cut', 'vm'], end: ['fault', 'heal', 'vm'] },
  } as const;
  type Fault = keyof typeof faults;

  /** How many calls of the catalog customers make in a second, all of them counted by themselves. */
  async function callsPerSecond(): Promise<number> {
    const [before, began] = [await scenario.customers(), performance.now()];
    await scenario.meanwhile(300);
    const after = await scenario.customers();
    const calls = (after.catalogCalls?.total ?? 0) - (before.catalogCalls?.total ?? 0);
    return (1_000 * calls) / (performance.now() - began);
  }

  /** Runs to 50 %, lets the VM die there, and waits until all is on the copy; answers how many requests failed. */
  async function dieAtHalf(fault: Fault): Promise<Toll> {
    const { generation } = await scenario.status();
    const engine = await scenario.engine(file, 'run');
    await scenario.until('50 % agreed, and passed once', async () => {
      expect(engine.hasEnded(), engine.said()).toBe(false);
      const { agreed, verdicts } = await scenario.status();
      const passed = verdicts.some(
        (it: { at: string; verdict: string }) => it.at >= agreed?.at && it.verdict === 'pass',
      );
      return agreed?.generation > generation && agreed.split.k8s === 50 && passed ? true : null;
    });
    const rate = await callsPerSecond();
    const before = await scenario.customers();
    const lostBefore = await lostCalls(scenario, file);
    await scenario.lab(...faults[fault].begin);
    await scenario.until(
      `all on the copy; ${engine.said()}`,
      async () => {
        expect(engine.hasEnded(), engine.said()).toBe(false);
        return (await scenario.status()).agreed.split.k8s === 100 ? true : null;
      },
      180_000,
    );
    await scenario.meanwhile(300);
    const after = await scenario.customers();

    const { reason } = (await scenario.status()).splits.at(-1);
    expect(reason).toMatch(/^the VM is not .*, and the copy has passed: /);
    for (const cluster of clusters) expect(await scenario.splitIn(cluster)).toBe('0/100');

    const back = await scenario.meshlift(file, 'rollback');
    expect(back.exitCode).toBe(1);
    expect(back.stderr).toMatch(/the VM can't take the traffic back: the VM is not /);
    for (const cluster of clusters) expect(await scenario.splitIn(cluster)).toBe('0/100');
    // What is refused stops nobody; Ctrl-C does.
    expect(engine.said()).not.toMatch(/took it over/);
    engine.signal('SIGINT');
    await engine.ended;

    const failed = after.requests.failed - before.requests.failed;
    const total = after.requests.total - before.requests.total;
    const lost = await lostCalls(scenario, file);
    process.stderr.write(
      `${topology}, VM ${fault}: ${failed} of ${total} requests failed, at ${Math.round(rate)} calls/s; in all: ${await failures(scenario, file)}\n`,
    );
    await bringBack(fault);
    return {
      failed,
      lost: { begun: lost.begun - lostBefore.begun, otherwise: lost.otherwise - lostBefore.otherwise },
      rate,
    };
  }

  async function bringBack(fault: Fault): Promise<void> {
    await scenario.lab(...faults[fault].end);
    await scenario.until(
      'a rollback onto the VM that is back',
      async () => ((await scenario.meshlift(file, 'rollback')).exitCode === 0 ? true : null),
      180_000,
    );
    for (const cluster of clusters) expect(await scenario.splitIn(cluster)).toBe('100/0');
  }

  it.each(['is killed', 'is cut off in silence'] as const)(
    'costs calls that may be repeated nothing when it %s, but for an answer that broke off; a rollback onto it is refused',
    async (fault) => {
      const { failed, lost, rate } = await dieAtHalf(fault);
      expect(lost.otherwise).toBe(0);
      expect(failed).toBeLessThanOrEqual(lost.begun);
      expect(lost.begun).toBeLessThanOrEqual(Math.ceil(rate * 0.5 * answerSeconds));
    },
  );

  it('costs calls that may not be repeated those that are under way when it is killed', async () => {
    file = await scenario.migration(halfWay('safe', '10m'));
    expect((await dieAtHalf('is killed')).failed).toBeLessThanOrEqual(underWay);
  });

  it('costs them those of the seconds until its silence is noticed', async () => {
    const { failed, rate } = await dieAtHalf('is cut off in silence');
    expect(failed).toBeLessThanOrEqual(rate * 0.5 * noticedWithinSeconds + underWay);
  });

  it('leaves a migration that ends on the copy', async () => {
    file = await scenario.migration(halfWay('safe', '3s'));
    const ended = await scenario.meshlift(file, 'run');
    expect(ended.exitCode, ended.stderr).toBe(0);
    expect((await scenario.status()).phase).toBe('Completed');
    for (const cluster of clusters) expect(await scenario.splitIn(cluster)).toBeNull();
    expect((await scenario.meanwhile(300)).failed).toBe(0);
  });
});
