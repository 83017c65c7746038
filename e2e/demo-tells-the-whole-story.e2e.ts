import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { CommandResult } from '../demo/src/command.ts';
import { root, run } from './scenario.ts';
import type { Report } from './verdicts.ts';

describe('the demo, without a terminal', () => {
  let folder: string;
  let told: CommandResult;
  let seconds: number;
  let report: Report;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'meshlift-demo-'));
    const started = Date.now();
    told = await run([
      process.execPath,
      join(root, 'demo/src/main.ts'),
      '--name',
      'e2e-demo',
      '--folder',
      folder,
    ]);
    seconds = (Date.now() - started) / 1_000;
    if (told.exitCode === 0)
      report = JSON.parse(await readFile(join(folder, 'report.json'), 'utf8')) as Report;
  });
  afterAll(() => rm(folder, { recursive: true, force: true }));

  it('tells all twelve steps and ends well', () => {
    expect(told.exitCode, `${told.stdout}\n${told.stderr}`).toBe(0);
    const steps = [...told.stdout.matchAll(/^ *(\d+)\/12 /gm)].map((match) => Number(match[1]));
    expect(steps).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12]);
  });

  it('loses no request, by the callers’ proxies and by the customers’ own count', () => {
    expect(report.requests.failed, told.stdout).toBe(0);
    expect(report.requests.total).toBeGreaterThanOrEqual(10_000);
    const customers = /the customers' own count: (\d+) of (\d+) requests failed/.exec(told.stdout);
    expect(Number(customers?.[1]), told.stdout).toBe(0);
    expect(Number(customers?.[2])).toBeGreaterThan(1_000);
  });

  it('has every split agreed, and the clusters close together', () => {
    expect(report.splits.length).toBeGreaterThanOrEqual(4);
    for (const split of report.splits) {
      expect(split.outcome).toBe('agreed');
      expect(split.skewMs).toBeLessThan(1_000);
    }
  });

  it('takes no longer than a coffee, and leaves no lab', async () => {
    expect(seconds).toBeLessThan(300);
    const status = await run([
      process.execPath,
      join(root, 'packages/meshlift/bin/meshlift.js'),
      ...['lab', 'status', '--name', 'e2e-demo', '-o', 'json'],
    ]);
    expect(status.stdout).not.toContain('"running"');
  });
});
