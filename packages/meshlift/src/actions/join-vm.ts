import { until } from '../effects/clock/until.ts';
import type { EngineContext } from '../engine/context.ts';
import { tell } from '../engine/context.ts';
import type { Journal } from '../engine/journal.ts';
import { machinesHealth } from '../engine/observe.ts';
import type { TrafficWatch } from '../engine/traffic-watch.ts';
import { MeshliftError } from '../errors/error.ts';
import { vmAccount, workloadGroup, workloadGroupRef } from '../mesh/vm-workload.ts';
import type { Health } from '../migration/observation.ts';
import { allOnVm } from '../migration/traffic-split.ts';
import type { Machine } from '../spec/migration.ts';
import { joinVm as joinOverSsh } from '../vm/join.ts';
import { readBootstrap } from '../vm/read-bootstrap.ts';
import { revisionOfVm } from './vm-revision.ts';
import { writeSplit } from './write-split.ts';

/** Brings the VMs into the mesh and, once their probes succeed, all traffic to them: the split 100/0 in every member. */
export async function joinVm(context: EngineContext, journal: Journal, traffic: TrafficWatch): Promise<void> {
  await bringVmsIn(context);
  await writeSplit(context, journal, traffic, { split: allOnVm, cause: 'join', reason: 'the VM has joined' });
  await journal.record({ phase: 'Joined' });
}

/**
 * The VMs' own part of joining, whatever the migration's phase: their identity and WorkloadGroup in the home cluster,
 * the sidecar on each, and the success of every probe. Idempotent; where a certificate has ended, a new token is given.
 */
export async function bringVmsIn(context: EngineContext): Promise<void> {
  const { clock, home, migration, signal } = context;
  const group = workloadGroupRef(migration);
  await ensureVmAccount(context);
  await home.kube.apply(workloadGroup(migration), { signal });
  tell(
    context,
    'vm-join',
    'progress',
    `WorkloadGroup ${group.namespace}/${group.name} stands in ${home.name}`,
  );

  const revision = await revisionOfVm(context);
  const { machines } = migration.spec.vm;
  for (const machine of machines) await startSidecar(context, machine, revision);

  await until(
    clock,
    {
      for: `${machines.length === 1 ? 'the VM' : `${machines.length} VMs`} to register with ${home.name} and pass the probe`,
      deadlineMs: migration.spec.deadlines.ready,
      intervalMs: 200,
      next: `on the VM: sudo journalctl -u istio; in the cluster: kubectl --context ${home.member.context} -n ${group.namespace} get workloadentries`,
      signal,
      progress: (why, waitedMs) => tell(context, 'wait', 'progress', `waiting for ${why}`, { waitedMs }),
    },
    async () => {
      const all = await machinesHealth(context, machines);
      const problems = machines.flatMap(({ host }, i) => {
        const problem = all[i] && notHealthy(all[i]);
        return problem ? [`VM ${host}: ${problem}`] : [];
      });
      return problems.length === 0
        ? { ready: true, value: true }
        : { ready: false, why: problems.join('; ') };
    },
  );
  for (const { host } of machines)
    tell(context, 'vm-join', 'progress', `VM ${host} is registered and healthy in ${home.name}`);
}

/** Makes one VM's sidecar what the home cluster says it should be, and has it run. */
async function startSidecar(context: EngineContext, machine: Machine, revision: string): Promise<void> {
  const { clock, home, migration, signal } = context;
  const { eastWestGateway, istiodAddress, namespace: istioNamespace } = migration.spec.istio;
  const bootstrap = await readBootstrap(home.kube, {
    workloadGroup: workloadGroupRef(migration),
    vmAddress: machine.host,
    istioNamespace,
    revision,
    gateway: istiodAddress
      ? { address: istiodAddress }
      : { namespace: eastWestGateway.namespace, name: eastWestGateway.service },
    signal,
  });
  const ssh = await context.ssh(machine);
  const report = await joinOverSsh(ssh, {
    bootstrap,
    sidecarPackage: context.sidecarPackage ?? { istioVersion: await meshVersion(context, revision) },
    clock,
    readyTimeoutMs: migration.spec.deadlines.ready,
    progress: (step) => tell(context, 'vm-join', 'progress', step.message, { ...step }),
    signal,
  });
  const changes = report.changed.length === 0 ? 'nothing had to be changed' : report.changed.join(', ');
  tell(context, 'vm-join', 'progress', `sidecar ${report.packageVersion} runs on ${ssh.target}: ${changes}`, {
    ...report,
  });
}

function notHealthy(health: Health): string | null {
  switch (health.is) {
    case 'healthy':
      return null;
    case 'absent':
      return 'it has not registered yet';
    default:
      return health.why;
  }
}

/** An account that is there already belongs to somebody, and stays as it is, now and when the VM is retired. */
async function ensureVmAccount({ home, migration, signal }: EngineContext): Promise<void> {
  const account = vmAccount(migration);
  const { name, namespace = 'default' } = account.metadata;
  const existing = await home.kube.get({ apiVersion: 'v1', kind: 'ServiceAccount', namespace, name }, signal);
  if (!existing) await home.kube.create(account, { signal });
}

/** The version that the home cluster's istiod runs: a sidecar should be no newer than its control plane. */
async function meshVersion({ home, migration, signal }: EngineContext, revision: string): Promise<string> {
  const { namespace } = migration.spec.istio;
  const istiods = await home.kube.list(
    { apiVersion: 'apps/v1', kind: 'Deployment', namespace, labelSelector: 'app=istiod' },
    signal,
  );
  const istiod = istiods.find((it) => (it.metadata.labels?.['istio.io/rev'] ?? 'default') === revision);
  const { template } = (istiod?.spec ?? {}) as {
    template?: { spec?: { containers?: { image?: string }[] } };
  };
  const tag = /:(\d+\.\d+\.\d+)/.exec(template?.spec?.containers?.[0]?.image ?? '')?.[1];
  if (tag) return tag;
  throw new MeshliftError('bad-input', {
    where: `istiod of revision ${revision} in ${home.name}`,
    why: `${istiod ? 'its image does not tell a release' : `no Deployment of it is in ${namespace}`}, so the sidecar package that fits it is not known`,
    next: 'name one: spec.vm.sidecar.package and spec.vm.sidecar.sha256',
  });
}
