import { describe, expect, it } from 'vitest';
import { CatalogTally } from './tally.ts';

describe('the tally of catalog calls', () => {
  it('adds up by cluster and outcome, and survives being written and read', () => {
    const inner = new CatalogTally();
    inner.add({ cluster: 'cluster1', outcome: 'vm' });
    inner.add({ cluster: 'cluster1', outcome: 'vm' });
    inner.add({ cluster: 'cluster1', outcome: 'failed' });
    const outer = new CatalogTally();
    outer.add({ cluster: 'cluster2', outcome: 'k8s' });
    outer.merge(inner.toString());
    outer.merge(inner.toString());
    expect(outer.toString()).toBe('cluster1/failed=2,cluster1/vm=4,cluster2/k8s=1');
  });

  it('knows when the last of the calls had reached the side that answered', () => {
    const inner = new CatalogTally();
    inner.add({ cluster: 'cluster1', outcome: 'vm', last: 1_002 });
    inner.add({ cluster: 'cluster1', outcome: 'vm', last: 1_001 });
    inner.add({ cluster: 'cluster1', outcome: 'vm' });
    const outer = new CatalogTally();
    outer.merge('cluster1/vm=1@1003');
    outer.merge(inner.toString());
    expect(inner.toString()).toBe('cluster1/vm=3@1002');
    expect(outer.toString()).toBe('cluster1/vm=4@1003');
  });

  it('ignores what is absent or garbled', () => {
    const tally = new CatalogTally();
    tally.merge(undefined);
    tally.merge('');
    tally.merge('cluster1/vm=x,=1,hello,cluster1/vm=-1,cluster1/vm=1@soon');
    expect(tally.toString()).toBe('');
  });
});
