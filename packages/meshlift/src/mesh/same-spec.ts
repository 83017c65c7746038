/** Whether two specs say the same, whatever the order of their keys; a key more is another spec. */
export function sameSpec(a: unknown, b: unknown): boolean {
  if (a === null || b === null || typeof a !== 'object' || typeof b !== 'object') return a === b;
  const [inA, inB] = [a as Record<string, unknown>, b as Record<string, unknown>];
  const keys = Object.keys(inA);
  return (
    Array.isArray(a) === Array.isArray(b) &&
    keys.length === Object.keys(inB).length &&
    keys.every((key) => key in inB && sameSpec(inA[key], inB[key]))
  );
}
