import { describe, expect, it } from 'vitest';
import { CatalogTally } from './tally.ts';

describe('the tally of catalog calls', () => {
  it('adds up by cluster and outcome, and survives being written and read', () => {
    const inner = new CatalogTally();
    inner.add('cluster1', 'vm');
    inner.add('cluster1', 'vm');
    inner.add('cluster1', 'failed');
    const outer = new CatalogTally();
    outer.add('cluster2', 'k8s');
    outer.merge(inner.toString());
    outer.merge(inner.toString());
    expect(outer.toString()).toBe('cluster1/failed=2,cluster1/vm=4,cluster2/k8s=1');
  });

  it('ignores what is absent or garbled', () => {
    const tally = new CatalogTally();
    tally.merge(undefined);
    tally.merge('');
    tally.merge('cluster1/vm=x,=1,hello,cluster1/vm=-1');
    expect(tally.toString()).toBe('');
  });
});
