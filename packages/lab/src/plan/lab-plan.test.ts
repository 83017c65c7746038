import { expect, test } from 'vitest';
import { machinesOf, planLab } from './lab-plan.ts';

test('each cluster has forwards to its API server and its ingress, and the VM one to its sshd', () => {
  const plan = planLab({ name: 'lab', clusters: 2, vm: true });
  expect(plan.forwards).toEqual([
    { name: 'cluster1/api', target: '10.10.1.10:6443' },
    { name: 'cluster1/ingress', target: '10.10.1.101:80' },
    { name: 'cluster2/api', target: '10.10.2.10:6443' },
    { name: 'cluster2/ingress', target: '10.10.2.101:80' },
    { name: 'vm/ssh', target: '10.10.100.10:22' },
  ]);
});

test('without a VM there is neither its machine nor its forward', () => {
  const plan = planLab({ name: 'lab', clusters: 1, vm: false });
  expect(plan.vm).toBeNull();
  expect(machinesOf(plan).map(({ name }) => name)).toEqual(['cluster1']);
  expect(plan.forwards.map(({ name }) => name)).toEqual(['cluster1/api', 'cluster1/ingress']);
});
