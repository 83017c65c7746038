import { expect, it } from 'vitest';
import type { PlannedObject } from '../../actions/plan.ts';
import type { KubeObject } from '../../effects/kube/port.ts';
import { objectCount, objectDiff } from './object-diff.ts';
import { paint } from './paint.ts';

const route = (vm: number): KubeObject => ({
  apiVersion: 'networking.istio.io/v1',
  kind: 'VirtualService',
  metadata: { name: 'split', namespace: 'default' },
  spec: { http: [{ route: [{ weight: vm }, { weight: 100 - vm }] }] },
});

function change(cluster: string, from: number, to: number): PlannedObject {
  return {
    at: 'shift',
    cluster,
    change: 'change',
    object: route(to),
    before: route(from),
    after: route(to),
  };
}

it('shows the same change of two clusters once, line by line', () => {
  const text = objectDiff([change('cluster1', 80, 50), change('cluster2', 80, 50)], paint(false), 'all');
  expect(text).toBe(
    [
      'at meshlift shift',
      '  ~ VirtualService default/split  in cluster1, cluster2',
      '        …',
      '        spec:',
      '          http:',
      '            - route:',
      '      -         - weight: 80',
      '      -         - weight: 20',
      '      +         - weight: 50',
      '      +         - weight: 50',
      '',
    ].join('\n'),
  );
});

it('keeps clusters apart that change differently', () => {
  const text = objectDiff([change('cluster1', 80, 50), change('cluster2', 95, 50)], paint(false), 'names');
  expect(text).toContain('in cluster1\n');
  expect(text).toContain('in cluster2\n');
});

it('shows an object that is new in full, one that goes by its name, and counts them', () => {
  const made: PlannedObject = { ...change('cluster1', 80, 50), change: 'create', before: null };
  const gone: PlannedObject = { ...change('cluster2', 80, 50), change: 'delete', after: null };
  const text = objectDiff([made, gone], paint(false), 'all');
  expect(text).toContain('      + kind: VirtualService');
  expect(text).toContain('  - VirtualService default/split  in cluster2\n');
  expect(objectCount([made, gone])).toBe('1 to create, 1 to delete');
});
