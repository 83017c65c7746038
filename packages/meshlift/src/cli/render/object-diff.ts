import { stringify } from 'yaml';
import type { PlannedObject } from '../../actions/plan.ts';
import { changedParts, lineDiff } from './line-diff.ts';
import type { Paint } from './paint.ts';

const glyphs = { create: '+', change: '~', same: '=', delete: '-' } as const satisfies Record<
  PlannedObject['change'],
  string
>;

/**
 * Planned changes as a reviewer reads them: by the command that does them, each object once with the clusters that get
 * exactly this change, and what changes in it line by line.
 */
export function objectDiff(planned: readonly PlannedObject[], paint: Paint, only: 'all' | 'names'): string {
  const lines = [...Map.groupBy(planned, (it) => it.at)].flatMap(([at, objects]) => [
    paint.strong(`at meshlift ${at}`),
    ...alike(objects).flatMap((group) => section(group, paint, only)),
    '',
  ]);
  return lines.join('\n');
}

/** `3 to create, 1 to change, 2 as they should be` */
export function objectCount(planned: readonly PlannedObject[]): string {
  const count = (change: PlannedObject['change']) => planned.filter((it) => it.change === change).length;
  const parts = [
    [count('create'), 'to create'],
    [count('change'), 'to change'],
    [count('delete'), 'to delete'],
    [count('same'), 'as they should be'],
  ] as const;
  return parts.flatMap(([many, what]) => (many > 0 ? [`${many} ${what}`] : [])).join(', ') || 'nothing to do';
}

function alike(objects: readonly PlannedObject[]): readonly (readonly PlannedObject[])[] {
  const key = ({ after, before, change, object }: PlannedObject) =>
    JSON.stringify([change, object.kind, object.metadata.namespace, object.metadata.name, before, after]);
  return [...Map.groupBy(objects, key).values()];
}

function section(group: readonly PlannedObject[], paint: Paint, only: 'all' | 'names'): readonly string[] {
  const [first] = group;
  if (!first) return [];
  const { after, before, change, object } = first;
  const { name, namespace } = object.metadata;
  const clusters = group.map((it) => it.cluster).join(', ');
  const title = `${object.kind} ${namespace ? `${namespace}/` : ''}${name}  in ${clusters}`;
  const head = `  ${glyphs[change]} ${title}`;
  if (only === 'names' || change === 'same') return [change === 'same' ? paint.faint(head) : head];
  if (change === 'delete') return [paint.bad(head)];
  const diff = lineDiff(before ? yamlLines(before) : [], yamlLines(after ?? object));
  const body = changedParts(diff).map((line) => {
    if (line === null) return paint.faint('        …');
    const text = `      ${line.mark} ${line.text}`;
    if (line.mark === '+') return paint.good(text);
    return line.mark === '-' ? paint.bad(text) : text;
  });
  return [head, ...body];
}

function yamlLines(value: object): readonly string[] {
  return stringify(value, { lineWidth: 0 }).trimEnd().split('\n');
}
