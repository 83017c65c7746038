/** Response metadata of every catalog answer: which copy of the catalog gave it. */
export const SERVED_BY_HEADERS = {
  side: 'x-served-by-side',
  host: 'x-served-by',
  cluster: 'x-served-by-cluster',
} as const;

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
