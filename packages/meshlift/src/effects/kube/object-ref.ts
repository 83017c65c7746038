import type { KubeObject, ObjectRef } from './port.ts';

/** What names an object in its cluster. */
export function refOf({ apiVersion, kind, metadata: { name, namespace } }: KubeObject): ObjectRef {
  return { apiVersion, kind, name, ...(namespace !== undefined && { namespace }) };
}
