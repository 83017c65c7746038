import { stringify } from 'yaml';
import type { PlannedObject } from '../../actions/plan.ts';

/**
 * Planned objects as one YAML stream, to be applied or kept in git by others. Each says in a comment which cluster it is
 * for and at which command; what would be deleted is only told, since no manifest can say it.
 */
export function objectsYaml(planned: readonly PlannedObject[]): string {
  return planned
    .map(({ at, change, cluster, object }) => {
      const { name, namespace } = object.metadata;
      if (change === 'delete')
        return `# ${cluster}, at meshlift ${at}: delete ${object.kind} ${namespace ? `${namespace}/` : ''}${name}\n`;
      return `# ${cluster}, at meshlift ${at}\n${stringify(object, { lineWidth: 0 })}`;
    })
    .join('---\n');
}
