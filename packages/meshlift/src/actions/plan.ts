import type { KubeObject } from '../effects/kube/port.ts';
import type { EngineContext, MemberCluster } from '../engine/context.ts';
import { readStatus } from '../engine/journal.ts';
import { copyServiceAccount, markedCopy } from '../mesh/copy.ts';
import { farCopyObjects } from '../mesh/far-copy.ts';
import { migrationDefinition } from '../mesh/migration-crd.ts';
import { sideHostObjects } from '../mesh/side-host.ts';
import { splitRoute } from '../mesh/split-route.ts';
import { vmAccount, workloadGroup } from '../mesh/vm-workload.ts';
import { reached } from '../migration/phase.ts';
import { allOnVm, sides } from '../migration/traffic-split.ts';
import { eastWestAddresses } from './side-hosts.ts';

export interface PlannedObject {
  /** the command that writes it */
  readonly at: 'vm join' | 'deploy';
  readonly cluster: string;
  readonly change: 'create' | 'change' | 'same';
  readonly object: KubeObject;
}

/** Every object that joining and deploying would write, against what is there now; asks the servers, changes nothing. */
export async function planObjects(context: EngineContext): Promise<readonly PlannedObject[]> {
  const { home, manifests, members, migration, target } = context;
  const status = await readStatus(context);
  const split = status.agreed?.split ?? allOnVm;
  const generation = status.agreed?.generation ?? status.generation + 1;
  const gateways = members.length > 1 ? await eastWestAddresses(context) : [];
  const account = copyServiceAccount(manifests);
  const copy = reached(status.phase, 'Deployed') ? 'present' : 'absent';

  const wanted: { at: PlannedObject['at']; member: MemberCluster; object: KubeObject }[] = [
    ...[migrationDefinition, vmAccount(migration), workloadGroup(migration)].map((object) => ({
      at: 'vm join' as const,
      member: home,
      object,
    })),
    ...members.flatMap((member) =>
      [
        ...sides.flatMap((side) => sideHostObjects(migration, side, member.name, copy)),
        splitRoute(migration, split, generation),
      ].map((object) => ({ at: 'vm join' as const, member, object })),
    ),
    ...markedCopy(migration, manifests).map((object) => ({ at: 'deploy' as const, member: target, object })),
    ...members
      .filter((member) => member.name !== target.name)
      .flatMap((member) =>
        farCopyObjects(migration, member.name, gateways, account).map((object) => ({
          at: 'deploy' as const,
          member,
          object,
        })),
      ),
  ];
  return Promise.all(
    wanted.map(async ({ at, member, object }) => ({
      at,
      cluster: member.name,
      change: await changeOf(context, member, object),
      object,
    })),
  );
}

async function changeOf(
  { signal }: EngineContext,
  { kube }: MemberCluster,
  object: KubeObject,
): Promise<PlannedObject['change']> {
  const { name, namespace } = object.metadata;
  const now = await kube.get(
    { apiVersion: object.apiVersion, kind: object.kind, name, ...(namespace && { namespace }) },
    signal,
  );
  if (!now) return 'create';
  const then = await kube.apply(object, { dryRun: true, signal });
  return JSON.stringify(meaning(now)) === JSON.stringify(meaning(then)) ? 'same' : 'change';
}

/** An object without what servers keep for themselves. */
function meaning({ metadata, status: _status, ...rest }: KubeObject): unknown {
  const { labels, annotations } = metadata;
  return { ...rest, labels, annotations };
}
