import type { KubeObject } from '../effects/kube/port.ts';
import type { EngineContext, MemberCluster } from '../engine/context.ts';
import { readStatus } from '../engine/journal.ts';
import { copyServiceAccount, markedCopy } from '../mesh/copy.ts';
import { farCopyObjects } from '../mesh/far-copy.ts';
import { farVmObjects } from '../mesh/far-vm.ts';
import { epochAnnotation } from '../mesh/marks.ts';
import { migrationDefinition } from '../mesh/migration-crd.ts';
import { sideHostObjects } from '../mesh/side-host.ts';
import { splitRoute } from '../mesh/split-route.ts';
import { vmAccount, workloadGroup } from '../mesh/vm-workload.ts';
import type { Act } from '../migration/decision.ts';
import { reached } from '../migration/phase.ts';
import type { MigrationStatus } from '../migration/status.ts';
import { allOnVm, sides, type TrafficSplit } from '../migration/traffic-split.ts';
import { eastWestAddresses, homeStandInsOf, sideHostLeftovers } from './side-hosts.ts';

export interface PlannedObject {
  /** the command that does it */
  readonly at: 'vm join' | 'deploy' | 'shift' | 'complete' | 'retire';
  readonly cluster: string;
  readonly change: 'create' | 'change' | 'same' | 'delete';
  /** what is written; of a deletion, what is there */
  readonly object: KubeObject;
  /** what is there and what will be, each without what servers keep for themselves; null where there is nothing */
  readonly before: KubeObject | null;
  readonly after: KubeObject | null;
}

interface Wanted {
  readonly at: PlannedObject['at'];
  readonly member: MemberCluster;
  readonly object: KubeObject;
  readonly gone?: boolean;
}

/** Every object that joining and deploying would write, and what would stay, against what is there now; asks the servers, changes nothing. */
export async function planObjects(context: EngineContext): Promise<readonly PlannedObject[]> {
  const status = await readStatus(context);
  return compared(context, [
    ...joining(context, status, status.agreed?.split ?? allOnVm),
    ...(await deploying(context)),
    ...(await staying(context)),
  ]);
}

/** Every object that this one act would write or delete, against what is there now; changes nothing. */
export async function planAct(
  context: EngineContext,
  status: MigrationStatus,
  act: Act,
): Promise<readonly PlannedObject[]> {
  return compared(context, await wantedBy(context, status, act));
}

async function wantedBy(
  context: EngineContext,
  status: MigrationStatus,
  act: Act,
): Promise<readonly Wanted[]> {
  const { home, members, migration } = context;
  switch (act.do) {
    case 'join':
      return joining(context, { ...status, agreed: null }, allOnVm);
    case 'rejoin':
      return identity(context);
    case 'deploy':
      return [
        ...(await deploying(context)),
        ...members.flatMap((member) => sideHosts(context, member, 'present', 'deploy')),
      ];
    case 'split':
      return members.map((member) => ({
        at: 'shift',
        member,
        object: splitRoute(migration, act.split, status.generation + 1),
      }));
    case 'mirror':
      return members.map((member) => ({
        at: 'shift',
        member,
        object: splitRoute(migration, allOnVm, status.generation + 1, true),
      }));
    case 'complete': {
      const route = splitRoute(migration, allOnVm, status.generation);
      const routes = members.map((member) => ({
        at: 'complete' as const,
        member,
        object: route,
        gone: true,
      }));
      return [...(await staying(context)), ...routes, ...(await leftovers(context, 'complete'))];
    }
    case 'retire':
      return [
        { at: 'retire', member: home, object: workloadGroup(migration), gone: true },
        ...(await leftovers(context, 'retire')),
      ];
  }
}

function joining(context: EngineContext, status: MigrationStatus, split: TrafficSplit): readonly Wanted[] {
  const { home, members, migration } = context;
  const generation = status.agreed?.generation ?? status.generation + 1;
  const copy = reached(status.phase, 'Deployed') ? 'present' : 'absent';
  return [
    { at: 'vm join', member: home, object: migrationDefinition },
    ...identity(context),
    ...members.flatMap((member) => [
      ...sideHosts(context, member, copy, 'vm join'),
      ...farVmObjects(migration, member.name).map((object) => ({ at: 'vm join' as const, member, object })),
      { at: 'vm join' as const, member, object: splitRoute(migration, split, generation) },
    ]),
  ];
}

function identity({ home, migration }: EngineContext): readonly Wanted[] {
  return [vmAccount(migration), workloadGroup(migration)].map((object) => ({
    at: 'vm join',
    member: home,
    object,
  }));
}

function sideHosts(
  { migration }: EngineContext,
  member: MemberCluster,
  copy: 'absent' | 'present',
  at: PlannedObject['at'],
): readonly Wanted[] {
  return sides.flatMap((side) =>
    sideHostObjects(migration, side, member.name, copy).map((object) => ({ at, member, object })),
  );
}

async function deploying(context: EngineContext): Promise<readonly Wanted[]> {
  const { manifests, members, migration, target } = context;
  const gateways = members.length > 1 ? await eastWestAddresses(context) : [];
  const account = copyServiceAccount(manifests);
  const copy = markedCopy(migration, manifests).map((object) => ({
    at: 'deploy' as const,
    member: target,
    object,
  }));
  const standIns = members
    .filter((member) => member.name !== target.name)
    .flatMap((member) =>
      farCopyObjects(migration, member.name, gateways, account).map((object) => ({
        at: 'deploy' as const,
        member,
        object,
      })),
    );
  return [...copy, ...standIns];
}

/** What completing puts behind the service's own name where the pods are not. */
async function staying(context: EngineContext): Promise<readonly Wanted[]> {
  const found = await Promise.all(
    context.members.map(async (member) =>
      (await homeStandInsOf(context, member)).map((object) => ({ at: 'complete' as const, member, object })),
    ),
  );
  return found.flat();
}

async function leftovers(context: EngineContext, at: PlannedObject['at']): Promise<readonly Wanted[]> {
  const found = await Promise.all(
    context.members.map(async (member) =>
      (await sideHostLeftovers(context, member)).map((object) => ({ at, member, object, gone: true })),
    ),
  );
  return found.flat();
}

async function compared(
  context: EngineContext,
  wanted: readonly Wanted[],
): Promise<readonly PlannedObject[]> {
  const planned = await Promise.all(wanted.map((it) => compare(context, it)));
  return planned.filter((it) => it !== null);
}

/** Null for what should go, and is not there. */
async function compare(
  { signal }: EngineContext,
  { at, gone, member, object }: Wanted,
): Promise<PlannedObject | null> {
  const { name, namespace } = object.metadata;
  const ref = { apiVersion: object.apiVersion, kind: object.kind, name, ...(namespace && { namespace }) };
  const found = await member.kube.get(ref, signal);
  const before = found && meaning(found);
  const known = { at, cluster: member.name, before };
  if (gone) return found && { ...known, change: 'delete', object: found, after: null };
  if (!found) return { ...known, change: 'create', object, after: meaning(object) };
  const after = meaning(await member.kube.apply(object, { dryRun: true, signal }));
  const same = JSON.stringify(before) === JSON.stringify(after);
  return { ...known, change: same ? 'same' : 'change', object, after };
}

/** An object without what servers keep for themselves, and without who wrote it last. */
function meaning({ apiVersion, kind, metadata, status: _status, ...rest }: KubeObject): KubeObject {
  const { annotations: all = {}, labels, name, namespace } = metadata;
  const { [epochAnnotation]: _owner, ...annotations } = all;
  return {
    apiVersion,
    kind,
    metadata: {
      name,
      ...(namespace !== undefined && { namespace }),
      ...(labels && { labels }),
      ...(Object.keys(annotations).length > 0 && { annotations }),
    },
    ...rest,
  };
}
