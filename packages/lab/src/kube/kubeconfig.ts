import { stringify } from 'yaml';
import type { ApiAccess } from './api-client.ts';

/** A kubeconfig with one context per entry, the first being current; certificates are embedded. */
export function kubeconfig(
  contexts: readonly (ApiAccess & { readonly name: string; readonly user: string })[],
): string {
  return stringify({
    apiVersion: 'v1',
    kind: 'Config',
    'current-context': contexts[0]?.name ?? '',
    clusters: contexts.map(({ name, server, ca }) => ({
      name,
      cluster: { server, 'certificate-authority-data': base64(ca) },
    })),
    users: contexts.map(({ user, cert, key }) => ({
      name: user,
      user: { 'client-certificate-data': base64(cert), 'client-key-data': base64(key) },
    })),
    contexts: contexts.map(({ name, user }) => ({ name, context: { cluster: name, user } })),
  });
}

function base64(text: string): string {
  return Buffer.from(text).toString('base64');
}
