import type { DnsConfig } from '../cri/messages.ts';

/** The content of a pod's /etc/resolv.conf. */
export function resolverFile(dns: DnsConfig | null): string {
  const lines = (dns?.servers ?? []).map((server) => `nameserver ${server}`);
  if (dns && dns.searches.length > 0) lines.unshift(`search ${dns.searches.join(' ')}`);
  if (dns && dns.options.length > 0) lines.push(`options ${dns.options.join(' ')}`);
  return lines.map((line) => `${line}\n`).join('');
}
