import { sameSpec } from './same-spec.ts';

/** What we write and Istio knows only since 1.31: the API server of a mesh before that drops it, and says nothing. */
const newerKeys: ReadonlySet<string> = new Set(['http2KeepAlive']);

/** Whether what a cluster stored is what was written to it, as far as its Istio knows of it. */
export function isAsWritten(stored: unknown, written: unknown): boolean {
  return sameSpec(stored, written) || sameSpec(stored, asOlderIstioKeepsIt(written));
}

function asOlderIstioKeepsIt(spec: unknown): unknown {
  if (spec === null || typeof spec !== 'object') return spec;
  if (Array.isArray(spec)) return spec.map(asOlderIstioKeepsIt);
  return Object.fromEntries(
    Object.entries(spec).flatMap(([key, value]) =>
      newerKeys.has(key) ? [] : [[key, asOlderIstioKeepsIt(value)]],
    ),
  );
}
