import { describe, expect, it } from 'vitest';
import { paceFlags } from './build.ts';
import { readRecipe } from './recipe.ts';

describe('paceFlags', () => {
  it('keeps a compiler from dividing its work on few cores, with all its other flags, and says nothing on many', async () => {
    const recipe = await readRecipe();
    const [compiler] = recipe.buildFlags.filter((flag) => flag.startsWith('-gcflags='));
    expect(paceFlags(recipe, 2)).toEqual([`${compiler} -c=1`]);
    expect(paceFlags(recipe, 16)).toEqual([]);
  });
});
