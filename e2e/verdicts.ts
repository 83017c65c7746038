import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from 'vitest';
import type { SeenSplit } from '../packages/meshlift/src/migration/status.ts';
import type { Scenario } from './scenario.ts';

/** Every cluster has this share of the copy, every proxy acknowledged it, and callers were seen following it. */
export async function expectSplit(scenario: Scenario, k8s: number): Promise<void> {
  const clusters = scenario.stage.lab.clusters.map(({ name }) => name);
  for (const cluster of clusters) expect(await scenario.splitIn(cluster)).toBe(`${100 - k8s}/${k8s}`);
  const { clusters: seen } = (await scenario.status()).splits.at(-1);
  expect(seen.map((it: { cluster: string }) => it.cluster)).toEqual(clusters);
  for (const { proxies, seen: share } of seen) {
    expect(proxies.acknowledged).toBe(proxies.total);
    expectSeen(share, k8s);
  }
}

/** A share that was seen in requests enough, and that the split explains: weights are random, and calls under way stay. */
export function expectSeen(share: SeenSplit, k8s: number): void {
  expect(share.requests).toBeGreaterThanOrEqual(10);
  const [low, high] = share.interval ?? [Number.NaN, Number.NaN];
  expect(low).toBeLessThanOrEqual(k8s + 1);
  expect(high).toBeGreaterThanOrEqual(k8s - 1);
}

/** Runs the migration to its end: the VM is retired, and nothing of the migration is left in any cluster. */
export async function expectRetired(scenario: Scenario, file: string): Promise<void> {
  await scenario.done(file, 'run', '--until', 'retired');
  expect((await scenario.status()).phase).toBe('Retired');
  for (const { name } of scenario.stage.lab.clusters) {
    expect(await scenario.splitIn(name)).toBeNull();
    expect(await scenario.leftIn(name)).toEqual([]);
  }
}

/** Nobody misses the program on the VM any more, and in all of it no request was lost. */
export async function expectNothingLostWithoutVm(scenario: Scenario, file: string): Promise<void> {
  await scenario.onVm('sudo systemctl stop productcatalogservice');
  expect((await scenario.meanwhile(300)).failed).toBe(0);
  await expectNothingLost(scenario, file);
}

/** No request was lost, by the customers' count and by the callers' proxies. */
export async function expectNothingLost(scenario: Scenario, file: string): Promise<void> {
  const { requests } = await scenario.customers();
  const seen = (await report(scenario, file)).requests;
  const lost = { byCustomers: requests.failed, byProxies: seen.failed };
  expect(lost, await failures(scenario, file)).toEqual({ byCustomers: 0, byProxies: 0 });
  expect(seen.total).toBeGreaterThan(2_000);
}

/** What failed so far, by kind for customers and by cause for the callers' proxies, as one line to look at. */
export async function failures(scenario: Scenario, file: string): Promise<string> {
  const { failuresByKind } = await scenario.customers();
  const { callers } = (await report(scenario, file)).requests;
  const causes = callers
    .filter(({ failed }) => failed > 0)
    .map(({ cluster, workload, causes }) => ({ caller: `${cluster}/${workload}`, causes }));
  return JSON.stringify({ failuresByKind, causes });
}

/** By the callers' proxies. */
export async function lostCalls(scenario: Scenario, file: string): Promise<LostCalls> {
  const { callers } = (await report(scenario, file)).requests;
  const lost = { begun: 0, otherwise: 0 };
  for (const cause of callers.flatMap(({ causes }) => causes))
    lost[hadBegun(cause) ? 'begun' : 'otherwise'] += cause.count;
  return lost;
}

export async function report(scenario: Scenario, file: string): Promise<Report> {
  const folder = join(scenario.folder, 'report');
  await scenario.stage.meshlift(['-f', file, 'report', '--folder', folder], { quiet: true });
  return JSON.parse(await readFile(join(folder, 'report.json'), 'utf8')) as Report;
}

/**
 * What a caller has of an answer can't be taken back, so no proxy repeats a call whose answer has begun. Between the first
 * byte and the last one of the catalog's lie milliseconds, on a busy machine no more than these.
 */
export const answerSeconds = 0.05;

/** Whether an answer had begun when its connection broke: there were headers, and no status (gRPC's UNKNOWN). */
export function hadBegun({ flags, grpcStatus, responseCode }: Cause): boolean {
  return responseCode === 200 && grpcStatus === 2 && flags === 'UC';
}

/** Calls of the catalog that failed, by whether their answer had begun when the connection broke. */
export interface LostCalls {
  readonly begun: number;
  readonly otherwise: number;
}

/** Why some calls failed, as callers' proxies have it. */
export interface Cause {
  readonly count: number;
  readonly flags: string;
  readonly responseCode: number | null;
  readonly grpcStatus: number | null;
}

/** report.json, as far as scenarios look at it. */
export interface Report {
  readonly requests: {
    readonly total: number;
    readonly failed: number;
    /** by who called, most requests first */
    readonly callers: readonly {
      readonly cluster: string;
      readonly workload: string;
      readonly requests: number;
      readonly failed: number;
      readonly causes: readonly Cause[];
    }[];
  };
  readonly durationSeconds: number;
  readonly splits: readonly { readonly skewMs: number | null; readonly outcome: string }[];
}
