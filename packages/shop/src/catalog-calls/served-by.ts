/** Response metadata of every catalog answer: which copy of the catalog gave it. */
export const SERVED_BY_HEADERS = {
  side: 'x-served-by-side',
  host: 'x-served-by',
  cluster: 'x-served-by-cluster',
} as const;

/** Response metadata of every catalog answer: when the call had reached that copy, in milliseconds since the epoch. */
export const SERVED_AT_HEADER = 'x-served-at';

/** Which copy of the catalog answered: its side (`vm` or `k8s`), host and cluster; `unknown` where it did not say. */
export interface ServedBy {
  readonly side: string;
  readonly host: string;
  readonly cluster: string;
}

export function servedBy(headers: ReadonlyMap<string, string>): ServedBy {
  const read = (name: string): string => headers.get(name) ?? 'unknown';
  return {
    side: read(SERVED_BY_HEADERS.side),
    host: read(SERVED_BY_HEADERS.host),
    cluster: read(SERVED_BY_HEADERS.cluster),
  };
}

/** When the call had reached the copy that answered, in milliseconds since the epoch; undefined where it did not say. */
export function servedAt(headers: ReadonlyMap<string, string>): number | undefined {
  const text = headers.get(SERVED_AT_HEADER) ?? '';
  return /^\d{1,15}$/.test(text) ? Number(text) : undefined;
}
