import type { KubeObject } from '../../effects/kube/port.ts';

/** A host as Istio understands it in an object of this namespace: a short name means a service there. */
export function hostInFull(host: string, namespace: string): string {
  const parts = host.split('.').length;
  if (host.includes('*')) return host;
  if (parts === 1) return `${host}.${namespace}.svc.cluster.local`;
  if (parts === 2) return `${host}.svc.cluster.local`;
  return host.endsWith('.svc') ? `${host}.cluster.local` : host;
}

/** Whether a host of Istio's configuration, which may begin with a wildcard, means this one. */
export function coversHost(pattern: string, host: string): boolean {
  if (pattern === '*') return true;
  return pattern.startsWith('*.') ? host.endsWith(pattern.slice(1)) : pattern === host;
}

export function namespaceOf({ metadata }: KubeObject): string {
  return metadata.namespace ?? 'default';
}

/** Whether labels have all that a selector names; one that names nothing selects everything. */
export function selects(
  selector: Readonly<Record<string, string>>,
  labels: Readonly<Record<string, string>>,
): boolean {
  return Object.entries(selector).every(([key, value]) => labels[key] === value);
}
