import { portsOf } from '../spec/migration.ts';
import { reachFromVm } from '../vm/reach.ts';
import { gatewayAddress } from '../vm/read-bootstrap.ts';
import { type VmProblem, vmProblems } from '../vm/readiness.ts';
import type { Check, Finding } from './check.ts';
import { onEveryVm } from './on-every-vm.ts';
import type { Scene } from './scene.ts';

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
  ['vm-redirects', 'fatal', 'the VM’s kernel lets the sidecar take the service’s traffic'],
  ['vm-resolver', 'warning', 'the VM has a name server to ask'],
  ['vm-other-mesh', 'warning', 'no sidecar of somebody else’s runs on the VM'],
  ['vm-certificate', 'warning', 'the VM’s certificate is not about to end'],
];

export const vmChecks: readonly Check[] = [
  {
    id: 'vm-ssh',
    category: 'vm',
    sentence: 'the VM lets us in over ssh, with the host key that is expected, and as root by sudo',
    severity: 'fatal',
    look: onEveryVm(async (vm) => {
      await vm.connection();
      return [];
    }),
  },
  ...onTheVm.map(
    ([id, severity, sentence]): Check => ({
      id,
      category: 'vm',
      sentence,
      severity,
      after: 'vm-ssh',
      look: onEveryVm(async (vm) => (await problemsOf(vm)).filter((it) => it.id === id).map(finding)),
    }),
  ),
  {
    id: 'vm-istiod-reachable',
    category: 'vm',
    sentence: 'the VM reaches istiod of the home cluster',
    severity: 'fatal',
    after: 'vm-ssh',
    look: onEveryVm(istiodOutOfReach),
  },
  {
    id: 'vm-service-visible',
    category: 'vm',
    sentence: 'the program that serves the port on the VM can be seen',
    severity: 'warning',
    after: 'vm-ssh',
    look: onEveryVm(async (vm) => {
      await vm.serviceProcess();
      return [];
    }),
  },
  {
    id: 'vm-service-comes-back',
    category: 'vm',
    sentence: 'the service comes back when the VM reboots',
    severity: 'warning',
    after: 'vm-service-visible',
    look: onEveryVm(goneAfterReboot),
  },
];

async function problemsOf({
  clock,
  machine,
  migration,
  sidecarPackage,
  vmFacts,
}: Scene): Promise<readonly VmProblem[]> {
  const facts = await vmFacts();
  const found = portsOf(migration).flatMap(({ port }) =>
    vmProblems(facts, {
      address: machine.host,
      servicePort: port,
      now: clock.now(),
      istioRelease: sidecarPackage === null,
    }),
  );
  // What is wrong with the VM itself is wrong for every port of it, and told once.
  return [...new Map(found.map((it) => [`${it.id} ${it.why}`, it])).values()];
}

function finding({ why, next }: VmProblem): Finding {
  return { why, next };
}

const istiodPort = 15_012;

async function istiodOutOfReach({
  connection: connected,
  home,
  migration,
  signal,
}: Scene): Promise<readonly Finding[]> {
  const { eastWestGateway, istiodAddress } = migration.spec.istio;
  const { namespace, service } = eastWestGateway;
  const gateway = istiodAddress ? { address: istiodAddress } : { namespace, name: service };
  const [connection, host] = await Promise.all([connected(), gatewayAddress(home.kube, gateway, signal)]);
  const reach = await reachFromVm(connection, { host, port: istiodPort }, { signal });
  if (reach === 'reached') return [];
  const refused = reach === 'refused';
  return [
    {
      why: `the VM gets ${refused ? 'a refusal' : 'no answer'} from ${host}:${istiodPort}, where its sidecar has to reach istiod of ${home.name}`,
      next: refused
        ? `expose istiod there: kubectl --context ${home.member.context} apply -n ${namespace} -f samples/multicluster/expose-istiod.yaml (of Istio)`
        : `let the VM reach it: firewall, routes, the load balancer's allowed sources; try from the VM: timeout 3 bash -c '</dev/tcp/${host}/${istiodPort}'`,
    },
  ];
}

async function goneAfterReboot({ serviceProcess }: Scene): Promise<readonly Finding[]> {
  const { program, unit } = await serviceProcess();
  if (unit?.enabled) return [];
  return [
    {
      why: unit
        ? `unit ${unit.name}, which runs the service, is not enabled: a reboot of the VM during the migration would leave its side without a service`
        : `no systemd unit can be seen to run ${program}: a reboot of the VM during the migration may leave its side without a service`,
      next: unit
        ? `sudo systemctl enable ${unit.name}`
        : 'make sure that something starts it: a unit, a restart policy of its container',
      ...(unit ? {} : { unknown: true as const }),
    },
  ];
}
