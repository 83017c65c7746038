import type { Clock } from '../effects/clock/port.ts';
import type { UserGate } from '../effects/gate/port.ts';
import type { KubeObject, KubeWriter } from '../effects/kube/port.ts';
import type { Ssh } from '../effects/ssh/port.ts';
import type { EventCode, EventHost, MeshliftEvent } from '../events/event.ts';
import type { CallerSource } from '../metrics/caller-source.ts';
import type { Machine, Member, Migration } from '../spec/migration.ts';
import type { SidecarPackage } from '../vm/sidecar-package.ts';

/** A member cluster and the hands to read and write it. */
export interface MemberCluster {
  readonly name: string;
  readonly member: Member;
  readonly kube: KubeWriter;
  /** what its calling proxies count */
  readonly callers: CallerSource;
}

/** Everything that an act may touch: ports only, so that the same code runs against fakes, the lab and GKE. */
export interface EngineContext {
  readonly migration: Migration;
  readonly members: readonly MemberCluster[];
  readonly home: MemberCluster;
  readonly target: MemberCluster;
  /** what `workload.manifests` hold, in order */
  readonly manifests: readonly KubeObject[];
  /** connects to one of the VMs on first use; the same connection afterwards */
  readonly ssh: (machine: Machine) => Promise<Ssh>;
  /** null: Istio's own release for the mesh's version */
  readonly sidecarPackage: SidecarPackage | null;
  /** the user's own gates; none unless given */
  readonly gates?: readonly UserGate[];
  readonly clock: Clock;
  readonly host: EventHost;
  /** who runs this, `user@host`, for the record */
  readonly by?: string;
  readonly signal: AbortSignal;
}

/** What an engine works with while it owns the migration: every write, in every cluster, is refused once it does not. */
export interface OwnedContext extends EngineContext {
  /** counts the owners of the migration, one after the other */
  readonly epoch: number;
}

/** Who runs this, as the record names them. */
export function formatOwner({ by }: Pick<EngineContext, 'by'>): string {
  return by ?? 'unknown';
}

/** The hands on one of the migration's members. */
export function clusterOf<T extends { readonly member: Member }>(
  clusters: readonly T[],
  { name }: Member,
): T {
  const cluster = clusters.find(({ member }) => member.name === name);
  if (!cluster) throw new TypeError(`member cluster ${name} was not opened`);
  return cluster;
}

/** The same context with other hands on every member, home and target among them. */
export function withHands(
  context: EngineContext,
  handsOn: (member: MemberCluster) => KubeWriter,
): EngineContext {
  const of = (member: MemberCluster) => ({ ...member, kube: handsOn(member) });
  return {
    ...context,
    members: context.members.map(of),
    home: of(context.home),
    target: of(context.target),
  };
}

/** Tells the host, stamping the time. */
export function tell(
  context: Pick<EngineContext, 'clock' | 'host'>,
  code: EventCode,
  level: MeshliftEvent['level'],
  message: string,
  data: Record<string, unknown> = {},
): void {
  context.host.notify({ time: new Date(context.clock.now()).toISOString(), code, level, message, data });
}
