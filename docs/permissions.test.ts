import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { parseAllDocuments } from 'yaml';
import { type Right, rights } from '../packages/meshlift/src/checks/clusters/rights.ts';

const page = readFileSync(join(import.meta.dirname, 'reference/permissions.md'), 'utf8');

interface Role {
  readonly kind: string;
  readonly metadata: { readonly name: string; readonly namespace?: string };
  readonly rules: readonly {
    readonly apiGroups: readonly string[];
    readonly resources: readonly string[];
    readonly verbs: readonly string[];
  }[];
}

const roles = [...page.matchAll(/```yaml\n([\s\S]*?)```/g)].flatMap((block) =>
  parseAllDocuments(block[1] ?? '').map((it) => it.toJS() as Role),
);

/** `verb resource.group` of every rule of a role, sorted. */
function granted(name: string): readonly string[] {
  const role = roles.find(({ metadata }) => metadata.name === name);
  return (role?.rules ?? [])
    .flatMap(({ apiGroups, resources, verbs }) =>
      apiGroups.flatMap((group) => resources.flatMap((it) => verbs.map((verb) => `${verb} ${it} ${group}`))),
    )
    .sort();
}

function asked(of: readonly Right[], where: Right['where']): readonly string[] {
  const wanted = of.filter((right) => right.where === where);
  const words = wanted.flatMap(({ verbs, group, resource, subresource }) =>
    verbs.map((verb) => `${verb} ${resource}${subresource ? `/${subresource}` : ''} ${group}`),
  );
  return [...new Set(words)].sort();
}

describe('the roles in docs/reference/permissions.md', () => {
  it.each([
    ['meshlift', 'member', 'everywhere'],
    ['meshlift-istio', 'member', 'istio'],
    ['meshlift-migration', 'member', 'migration'],
    ['meshlift-home', 'home', 'everywhere'],
    ['meshlift-home-istio', 'home', 'istio'],
    ['meshlift-home-migration', 'home', 'migration'],
    ['meshlift-target-migration', 'target', 'migration'],
  ] as const)('%s grants exactly what a %s cluster is asked for', (role, as, where) => {
    expect(granted(role)).toEqual(asked(rights[as], where));
    expect(granted(role)).not.toEqual([]);
  });
});
