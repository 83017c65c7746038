import { homedir } from 'node:os';
import { join } from 'node:path';
import { systemClock } from '../effects/clock/real.ts';
import type { KubeReader } from '../effects/kube/port.ts';
import type { Prometheus } from '../effects/prometheus/port.ts';
import { openPrometheus, prometheusService } from '../effects/prometheus/real.ts';
import { wantedCalls } from '../engine/traffic-watch.ts';
import type { CallerSource } from '../metrics/caller-source.ts';
import { prometheusCallers } from '../metrics/prometheus-callers.ts';
import { proxyCallers } from '../metrics/proxy-callers.ts';
import type { Migration, PrometheusServerSpec } from '../spec/migration.ts';

/** Where a member's callers' counters are read, as `spec.metrics` says. */
export function openCallers(migration: Migration, kube: KubeReader): CallerSource {
  const server = serverOf(migration, kube.cluster);
  if (!server) return proxyCallers(kube, wantedCalls(migration), systemClock.now);
  const several = server.url !== undefined && (server.clusters ?? migration.spec.clusters).length > 1;
  return prometheusCallers(openServer(server, kube), {
    ...wantedCalls(migration),
    cluster: kube.cluster,
    ...(several && { clusterLabel: server.clusterLabel }),
  });
}

/** A server by its URL, or the Service of this name in this cluster. */
export function openServer(server: PrometheusServerSpec, kube: KubeReader): Prometheus {
  const { url, service, bearerTokenFile, caFile } = server;
  if (service) {
    return prometheusService(kube, {
      namespace: service.namespace,
      service: service.name,
      port: service.port,
    });
  }
  if (url === undefined) throw new TypeError('the schema admits no server without a url or a service');
  return openPrometheus({
    url,
    ...(bearerTokenFile && { bearerTokenFile: atHome(bearerTokenFile) }),
    ...(caFile && { caFile: atHome(caFile) }),
  });
}

/** The server that has a cluster's metrics; the schema sees to it that each member has one when they are the source. */
export function serverOf(migration: Migration, cluster: string): PrometheusServerSpec | undefined {
  const { source, prometheus } = migration.spec.metrics;
  if (source !== 'prometheus') return undefined;
  return prometheus?.servers.find(({ clusters }) => clusters === undefined || clusters.includes(cluster));
}

function atHome(file: string): string {
  return file.startsWith('~/') ? join(homedir(), file.slice(2)) : file;
}
