import type { KubeObject, KubeWriter } from '../effects/kube/port.ts';
import { isAsWritten } from '../mesh/as-written.ts';

/**
 * Writes an object of Meshlift's own so that its spec is this and nothing else. Server-side apply leaves what somebody
 * else put in beside our fields (`exportTo`, `gateways`), and any of that may take the object out of use: it goes.
 */
export async function applyExactly(
  kube: KubeWriter,
  object: KubeObject,
  options: { readonly signal: AbortSignal },
): Promise<void> {
  const stored = await kube.apply(object, options);
  if (!isAsWritten(stored.spec, object.spec)) await kube.replace({ ...stored, spec: object.spec }, options);
}
