import { setFlagsFromString } from 'node:v8';

/**
 * For a command that looks at the same things every second for hours or days, once its code is loaded: V8 would let
 * the garbage of many looks gather, a hundred megabytes of it with a thousand callers. From here on the young
 * generation keeps the size that it has, and the old one is collected whenever it has grown by half.
 */
export function keepMemorySteady(): void {
  setFlagsFromString('--semi-space-growth-factor=1');
  setFlagsFromString('--heap-growing-percent=50');
}
