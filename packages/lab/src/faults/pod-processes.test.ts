import { mkdirSync, mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { podsMeant, processesOfPod } from './pod-processes.ts';

const PODS = [
  'istiod-5cd8fb65f4-9fb7l',
  'istiod-canary-7d9c5b8f6-x2k4q',
  'redis-0',
  'istio-ingressgateway-6f-abcde',
];

test('a workload means the pods that it made, and not those of a longer name', () => {
  expect(podsMeant('istiod', PODS)).toEqual(['istiod-5cd8fb65f4-9fb7l']);
  expect(podsMeant('redis', PODS)).toEqual(['redis-0']);
  expect(podsMeant('istio', PODS)).toEqual([]);
});

test("a pod's own name means just that pod", () => {
  expect(podsMeant('redis-0', PODS)).toEqual(['redis-0']);
});

test("a pod's processes are those with its name as HOSTNAME", () => {
  const proc = mkdtempSync(join(tmpdir(), 'proc-'));
  for (const [pid, environ] of [
    ['7', 'PATH=/bin\0HOSTNAME=redis-0\0'],
    ['8', 'HOSTNAME=redis-01\0'],
    ['9', 'X=HOSTNAME=redis-0\0'],
  ] as const) {
    mkdirSync(join(proc, pid));
    writeFileSync(join(proc, pid, 'environ'), environ);
  }
  mkdirSync(join(proc, '10'));
  expect(processesOfPod('redis-0', proc)).toEqual([7]);
});
