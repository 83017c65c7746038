type Fields = Readonly<Record<string, unknown>>;

/**
 * What server-side apply makes of a stored object: fields that are applied win; fields that the same manager applied
 * before and now leaves out go; all others stay. Lists are replaced whole, as they are in Istio's kinds and ours,
 * except those whose items have a uid (owner references), which are merged by it.
 */
export function mergeApplied(stored: Fields, before: Fields, applied: Fields): Fields {
  const merged: Record<string, unknown> = { ...stored };
  for (const name of Object.keys(before)) {
    if (!(name in applied) && !isFields(before[name])) delete merged[name];
  }
  for (const name of new Set([...Object.keys(applied), ...Object.keys(before)])) {
    const [now, then, there] = [applied[name], before[name], stored[name]];
    if (isFields(now) || (now === undefined && isFields(then))) {
      const inner = mergeApplied(
        isFields(there) ? there : {},
        isFields(then) ? then : {},
        isFields(now) ? now : {},
      );
      // A map of which nothing is left goes with its last field, unless it was applied as an empty one.
      if (Object.keys(inner).length > 0 || name in applied) merged[name] = inner;
      else delete merged[name];
    } else if (now === null && isFields(then) && isFields(there)) {
      // Seen of API servers: a map that is applied as null loses its fields, and stays as an empty map.
      merged[name] = mergeApplied(there, then, {});
    } else if (now !== undefined) {
      merged[name] = hasUids(now) && hasUids(there) ? mergeByUid(there, then, now) : now;
    }
  }
  return merged;
}

interface WithUid {
  readonly uid: string;
}

function hasUids(value: unknown): value is readonly WithUid[] {
  return (
    Array.isArray(value) &&
    value.length > 0 &&
    value.every((item) => isFields(item) && typeof item.uid === 'string')
  );
}

function mergeByUid(
  stored: readonly WithUid[],
  before: unknown,
  applied: readonly WithUid[],
): readonly WithUid[] {
  const ours = new Set([...(hasUids(before) ? before : []), ...applied].map(({ uid }) => uid));
  return [...stored.filter(({ uid }) => !ours.has(uid)), ...applied];
}

function isFields(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
