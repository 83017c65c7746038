import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { recommend } from './recommend.ts';

const CATALOG = ['A', 'B', 'C', 'D', 'E', 'F', 'G', 'H'];

describe('recommendations', () => {
  it('are different products of the catalog, never what the customer looks at, never too many', () => {
    fc.assert(
      fc.property(fc.string(), fc.subarray(CATALOG), fc.nat(10), (userId, productIds, count) => {
        const ids = recommend(CATALOG, { userId, productIds, count });
        expect(new Set(ids).size).toBe(ids.length);
        expect(ids.length).toBe(Math.min(count, CATALOG.length - productIds.length));
        for (const id of ids) {
          expect(CATALOG).toContain(id);
          expect(productIds).not.toContain(id);
        }
      }),
    );
  });

  it('are the same for the same question', () => {
    const question = { userId: 'u', productIds: ['B', 'A'], count: 4 };
    expect(recommend(CATALOG, question)).toEqual(recommend(CATALOG, { ...question, productIds: ['A', 'B'] }));
  });

  it('show every product to somebody', () => {
    const seen = new Set<string>();
    for (let user = 0; user < 200; user += 1) {
      for (const id of recommend(CATALOG, { userId: `${user}`, productIds: [], count: 2 })) seen.add(id);
    }
    expect([...seen].sort()).toEqual(CATALOG);
  });
});
