import type { EngineContext } from '../engine/context.ts';
import { readVmFacts } from '../vm/facts.ts';
import { type VmProblem, vmProblems } from '../vm/readiness.ts';
import type { Check } from './check.ts';

type VmCheck = readonly [id: VmProblem['id'], severity: Check['severity'], sentence: string];

const onTheVm: readonly VmCheck[] = [
  ['vm-systemd', 'fatal', 'the VM has systemd, which starts and keeps the sidecar'],
  ['vm-package', 'fatal', 'there is a sidecar package for the VM’s distribution and architecture'],
  ['vm-clock', 'fatal', 'the VM’s clock is right'],
  ['vm-disk', 'fatal', 'the VM’s disk has room for the sidecar'],
  ['vm-address', 'warning', 'the VM has the address under which the clusters reach it'],
  ['vm-service-listening', 'fatal', 'the service listens on the VM'],
  ['vm-service-loopback', 'fatal', 'the service listens on an address that the sidecar can reach'],
  ['vm-docker-published', 'fatal', 'no port of the service is published past the sidecar by Docker'],
  ['vm-certificate', 'warning', 'the VM’s certificate is not about to end'],
];

export const vmChecks: readonly Check[] = [
  {
    id: 'vm-ssh',
    category: 'vm',
    sentence: 'the VM lets us in over ssh, with the host key that is expected, and as root by sudo',
    severity: 'fatal',
    look: async (context) => {
      await context.ssh();
      return null;
    },
  },
  ...onTheVm.map(
    ([id, severity, sentence]): Check => ({
      id,
      category: 'vm',
      sentence,
      severity,
      after: 'vm-ssh',
      look: async (context) => (await problemsOf(context)).find((it) => it.id === id) ?? null,
    }),
  ),
];

/** One look at the VM answers all of its checks. */
const looks = new WeakMap<EngineContext, Promise<readonly VmProblem[]>>();

function problemsOf(context: EngineContext): Promise<readonly VmProblem[]> {
  const look = looks.get(context) ?? lookAtVm(context);
  looks.set(context, look);
  return look;
}

async function lookAtVm(context: EngineContext): Promise<readonly VmProblem[]> {
  const { clock, migration, signal } = context;
  const facts = await readVmFacts(await context.ssh(), { clock, signal });
  return vmProblems(facts, {
    address: migration.spec.vm.host,
    servicePort: migration.spec.service.port,
    now: clock.now(),
  });
}
