import { hostname, userInfo } from 'node:os';
import { systemClock } from '../effects/clock/real.ts';
import { readOnly } from '../effects/kube/read-only.ts';
import { openCluster } from '../effects/kube/real.ts';
import type { Ssh } from '../effects/ssh/port.ts';
import { openSsh } from '../effects/ssh/real.ts';
import type { SshTarget } from '../effects/ssh/ssh-arguments.ts';
import { clusterOf, type EngineContext, withHands } from '../engine/context.ts';
import { MeshliftError } from '../errors/error.ts';
import type { EventHost } from '../events/event.ts';
import { homeOf, type Machine, type Migration, targetOf } from '../spec/migration.ts';
import type { SidecarPackage } from '../vm/sidecar-package.ts';
import { loadMigration } from './load-migration.ts';
import { openGates } from './open-gates.ts';
import { openCallers } from './open-metrics.ts';
import type { CommonOptions } from './options.ts';
import type { Terminal } from './terminal.ts';

/** Opens what a command works with, runs it, and closes what was opened, however it ends. */
export async function withContext<T>(
  options: CommonOptions,
  terminal: Terminal,
  host: EventHost,
  work: (context: EngineContext) => Promise<T>,
): Promise<T> {
  const { migration, manifests } = await loadMigration(options.file, terminal);
  const members = await Promise.all(
    migration.spec.clusters.map(async (member) => {
      const kubeconfigPath = member.kubeconfig ?? options.kubeconfig;
      const kube = await openCluster({
        name: member.name,
        context: member.context,
        ...(kubeconfigPath && { kubeconfigPath }),
      });
      const callers = openCallers(migration, kube);
      return { name: member.name, member, kube, callers };
    }),
  );
  const connections = new Map<string, Promise<Ssh>>();
  const context: EngineContext = {
    migration,
    members,
    home: clusterOf(members, homeOf(migration)),
    target: clusterOf(members, targetOf(migration)),
    manifests,
    gates: openGates(migration, clusterOf(members, homeOf(migration)).kube),
    ssh: (machine) => {
      const known = connections.get(machine.host);
      if (known) return known;
      // A machine that could not be reached may be reachable when it is asked for again.
      const connection = openSsh(sshTarget(machine), { signal: terminal.signal }).catch((error: unknown) => {
        connections.delete(machine.host);
        throw error;
      });
      connections.set(machine.host, connection);
      return connection;
    },
    sidecarPackage: sidecarPackage(migration),
    clock: systemClock,
    host,
    by: `${userInfo().username}@${hostname()}`,
    signal: terminal.signal,
  };
  try {
    return await work(context);
  } finally {
    // A connection that never opened has told its reason already, to whoever asked for it.
    for (const connection of connections.values()) {
      await connection.then(
        (ssh) => ssh.close(),
        () => undefined,
      );
    }
    for (const { kube } of members) kube.close();
  }
}

/** The same for a command that changes nothing: whatever it is made of, no write reaches a cluster. */
export async function withReadOnlyContext<T>(
  options: CommonOptions,
  terminal: Terminal,
  host: EventHost,
  work: (context: EngineContext) => Promise<T>,
): Promise<T> {
  return withContext(options, terminal, host, (context) =>
    work(withHands(context, ({ kube }) => readOnly(kube))),
  );
}

function sshTarget({ host, ssh }: Machine): SshTarget {
  const { user, port, identityFile, configFile, knownHostsFile } = ssh;
  return {
    host: ssh.host ?? host,
    ...(user !== undefined && { user }),
    ...(port !== undefined && { port }),
    ...(identityFile !== undefined && { identityFile }),
    ...(configFile !== undefined && { configFile }),
    ...(knownHostsFile !== undefined && { knownHostsFile }),
  };
}

function sidecarPackage(migration: Migration): SidecarPackage | null {
  const { package: from, sha256 } = migration.spec.vm.sidecar;
  if (from === undefined) return null;
  if (from.startsWith('https://')) return { url: from, ...(sha256 && { sha256 }) };
  if (!sha256) {
    throw new MeshliftError('bad-input', {
      where: 'spec.vm.sidecar',
      why: 'a package file is named without its sha256',
      next: `add spec.vm.sidecar.sha256 (sha256sum ${from})`,
    });
  }
  return { path: from, sha256 };
}
