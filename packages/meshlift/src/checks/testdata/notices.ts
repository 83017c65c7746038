import { expect } from 'vitest';
import { SoundWorld } from './sound-world.ts';

/** Breaks one thing in a sound world. */
export type Spoil = (world: SoundWorld) => void;

/** What is broken, how, and which checks say what of it: `result: why`, empty where a check must say nothing. */
export type Spoilt = readonly [what: string, spoil: Spoil, noticed: Record<string, RegExp>];

/** The checks named notice it as they should; what builds on them is not looked at, and nothing else complains. */
export async function expectNoticed(spoil: Spoil, noticed: Spoilt[2]): Promise<void> {
  const world = new SoundWorld();
  spoil(world);
  const found = await world.noticed();
  for (const [id, text] of Object.entries(noticed)) expect(found[id] ?? '').toMatch(text);
  const others = Object.entries(found).filter(
    ([id, text]) => !(id in noticed) && !text.startsWith('skipped'),
  );
  expect(others).toEqual([]);
}
