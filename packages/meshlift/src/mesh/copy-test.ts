import type { CallAnswer, ServiceCall } from '../effects/service-call/port.ts';
import type { Migration } from '../spec/migration.ts';
import { serviceHost } from './names.ts';
import { sideHeader } from './split-route.ts';

/** What the copy is asked before any customer asks it: what the VM's probe asks, where that is of the service's own port. */
export function copyTest(migration: Migration): ServiceCall {
  const { service, vm } = migration.spec;
  const authority = `${serviceHost(migration)}:${service.port}`;
  const headers = { [sideHeader]: 'k8s' };
  switch (service.protocol) {
    case 'grpc':
      return { protocol: 'grpc', authority, headers, service: vm.probe.grpc?.service ?? '' };
    case 'http':
      return { protocol: 'http', authority, headers, path: ownHttpProbe(migration)?.path ?? '/' };
    case 'tcp':
      return { protocol: 'tcp' };
  }
}

/** gRPC's codes that no healthy service answers a health check with: deadline, internal, unavailable, data loss. */
const broken: ReadonlySet<number> = new Set([4, 13, 14, 15]);
const permissionDenied = 7;
const unimplemented = 12;

/**
 * Why an answer is not good enough; null when it is. A service whose VM is probed in the same way must answer as well
 * as the VM does; of any other, an answer that came from the service is all that can be asked for.
 */
export function copyTestProblem(migration: Migration, answer: CallAnswer): string | null {
  const { probe } = migration.spec.vm;
  switch (answer.came) {
    case 'nothing':
      return `no answer came: ${answer.why}`;
    case 'connection':
      return null;
    case 'grpc':
      if (answer.status === permissionDenied) return denied(`gRPC status 7, ${answer.message}`);
      if (answer.health !== null && answer.health !== 'SERVING')
        return `its health check says ${answer.health}`;
      if (broken.has(answer.status) || (answer.status === unimplemented && ownGrpcProbe(migration)))
        return `its health check failed with gRPC status ${answer.status}${answer.message && `: ${answer.message}`}`;
      return null;
    case 'http':
      if (answer.status === 403) return denied('HTTP status 403');
      if (migration.spec.service.protocol === 'grpc')
        return `it answered HTTP ${answer.status} without a gRPC status: ${start(answer.body)}`;
      if (answer.status >= 500 || (ownHttpProbe(migration) && answer.status >= 400))
        return `it answered ${answer.status}: ${start(answer.body)}`;
      return null;
  }

  function denied(what: string): string {
    return `it was refused (${what}): an AuthorizationPolicy admits certain callers only`;
  }
  function ownGrpcProbe({ spec }: Migration): boolean {
    return probe.grpc?.port === spec.service.port;
  }
}

function ownHttpProbe({ spec }: Migration): { readonly path: string } | null {
  const { httpGet } = spec.vm.probe;
  return httpGet && httpGet.port === spec.service.port ? httpGet : null;
}

function start(body: string): string {
  return body.trim().slice(0, 200) || 'nothing more';
}
