/**
 * Up to `count` products that the customer does not already look at, in an order that depends on the customer and on
 * the products looked at: the same question gets the same answer, different customers see different things.
 */
export function recommend(
  catalog: readonly string[],
  { userId, productIds, count }: { userId: string; productIds: readonly string[]; count: number },
): string[] {
  const known = new Set(productIds);
  const seed = `${userId}|${[...known].sort().join(',')}`;
  return catalog
    .filter((id) => !known.has(id))
    .map((id) => ({ id, rank: hash(`${seed}|${id}`) }))
    .sort((a, b) => a.rank - b.rank)
    .slice(0, count)
    .map(({ id }) => id);
}

/** FNV-1a, 32 bits: well spread and quick; nothing here needs secrecy. */
function hash(text: string): number {
  let value = 0x811c9dc5;
  for (let index = 0; index < text.length; index += 1) {
    value ^= text.charCodeAt(index);
    value = Math.imul(value, 0x01000193);
  }
  return value >>> 0;
}
