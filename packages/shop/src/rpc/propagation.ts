/**
 * The headers that tie together everything done for one customer's request: Envoy's request id and the tracing
 * headers of B3, W3C and others. A service that answers one call by making others passes them on unchanged.
 */
export const PROPAGATED_HEADERS = [
  'x-request-id',
  'traceparent',
  'tracestate',
  'baggage',
  'b3',
  'x-b3-traceid',
  'x-b3-spanid',
  'x-b3-parentspanid',
  'x-b3-sampled',
  'x-b3-flags',
  'x-ot-span-context',
] as const;

export type Propagated = ReadonlyMap<string, string>;

/** Picks the headers to pass on; `read` answers with the value of one header, or undefined. */
export function propagated(read: (name: string) => string | undefined): Propagated {
  const found = new Map<string, string>();
  for (const name of PROPAGATED_HEADERS) {
    const value = read(name);
    if (value !== undefined) found.set(name, value);
  }
  return found;
}
