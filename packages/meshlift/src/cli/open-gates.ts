import { commandGate } from '../effects/gate/command.ts';
import type { UserGate } from '../effects/gate/port.ts';
import { prometheusGate } from '../effects/gate/prometheus.ts';
import { webhookGate } from '../effects/gate/webhook.ts';
import type { KubeReader } from '../effects/kube/port.ts';
import type { Migration, UserGateSpec } from '../spec/migration.ts';
import { openServer } from './open-metrics.ts';

/** The user's gates, as `spec.rollout.gates` says; a Service is looked for in the home cluster. */
export function openGates(migration: Migration, home: KubeReader): readonly UserGate[] {
  return migration.spec.rollout.gates.map((gate) => openGate(gate, migration, home));
}

function openGate(gate: UserGateSpec, migration: Migration, home: KubeReader): UserGate {
  const { name, command, prometheus, webhook } = gate;
  if (command) return commandGate(name, command);
  if (webhook) return webhookGate(name, webhook);
  const server = prometheus?.server ?? migration.spec.metrics.prometheus?.servers[0];
  if (!prometheus || !server) throw new TypeError(`the schema admits no gate ${name} that asks nobody`);
  return prometheusGate(name, prometheus, openServer(server, home));
}
