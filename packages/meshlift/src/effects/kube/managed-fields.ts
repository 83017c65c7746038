import { fieldManager, type KubeObject } from './port.ts';

/** Who an object's fields belong to between its making and its being owned as applied. */
export const makingManager = 'meshlift-new';

export type ManagedField = {
  readonly manager?: string;
  readonly operation?: string;
  readonly subresource?: string;
};

/** Whether it was made to be applied, and not yet owned so. */
export function wasMadeOnly({ metadata }: KubeObject): boolean {
  return (metadata.managedFields ?? []).some(({ manager }) => manager === makingManager);
}

/** The fields of an object that was made, owned as if it had been applied. */
export function ownedAsApplied({ metadata }: KubeObject): readonly ManagedField[] {
  const fields = (metadata.managedFields ?? []) as readonly ManagedField[];
  return (
    fields
      // What was applied since is applied once more afterwards, and owned again by that.
      .filter((it) => it.manager !== fieldManager || it.operation !== 'Apply' || it.subresource)
      .map((it) => (it.manager === makingManager ? { ...it, manager: fieldManager, operation: 'Apply' } : it))
  );
}
