import { mkdirSync, mkdtempSync, symlinkSync, writeFileSync } from 'node:fs';
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

test("a pod's process that wrote over its environment is known by its neighbours, and its watcher is spared", () => {
  const proc = mkdtempSync(join(tmpdir(), 'proc-'));
  const ours = { uts: 'uts:[1]', pid: 'pid:[1]' };
  for (const [pid, environ, namespaces] of [
    ['self', '', ours],
    ['3', 'PATH=/bin\0', ours],
    ['7', 'HOSTNAME=redis-0\0', { uts: 'uts:[2]', pid: 'pid:[2]' }],
    ['8', '\0\0\0', { uts: 'uts:[2]', pid: 'pid:[3]' }],
    ['9', 'PATH=/bin\0', { uts: 'uts:[2]', pid: 'pid:[1]' }],
    ['10', 'HOSTNAME=other-0\0', { uts: 'uts:[4]', pid: 'pid:[4]' }],
  ] as const) {
    mkdirSync(join(proc, pid, 'ns'), { recursive: true });
    writeFileSync(join(proc, pid, 'environ'), environ);
    for (const [kind, target] of Object.entries(namespaces)) symlinkSync(target, join(proc, pid, 'ns', kind));
  }
  expect(processesOfPod('redis-0', proc).sort()).toEqual([7, 8]);
});
