import { expect, it } from 'vitest';
import { mapsEveryUser } from './user-namespace.ts';

it("the machine's own namespace has every user", () => {
  expect(mapsEveryUser('         0          0 4294967295\n')).toBe(true);
});

it("an ordinary user's namespace has only some", () => {
  expect(mapsEveryUser('         0       1000          1\n         1     100000      65536\n')).toBe(false);
});
