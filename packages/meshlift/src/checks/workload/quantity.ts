const factors: Readonly<Record<string, number>> = {
  n: 1e-9,
  u: 1e-6,
  m: 1e-3,
  '': 1,
  k: 1e3,
  M: 1e6,
  G: 1e9,
  T: 1e12,
  P: 1e15,
  E: 1e18,
  Ki: 2 ** 10,
  Mi: 2 ** 20,
  Gi: 2 ** 30,
  Ti: 2 ** 40,
  Pi: 2 ** 50,
  Ei: 2 ** 60,
};

/** A quantity as Kubernetes writes it, `100m`, `64Mi`, `1e3`, in its base unit: cores, bytes; null when it is none. */
export function quantity(text: string | number): number | null {
  const match = /^([+-]?\d+(?:\.\d*)?|[+-]?\.\d+)(?:([eE][+-]?\d+)|(\w{0,2}))?$/.exec(String(text).trim());
  if (!match) return null;
  const factor = factors[match[3] ?? ''];
  return factor === undefined ? null : Number(`${match[1]}${match[2] ?? ''}`) * factor;
}

/** Bytes or cores as people write them. */
export function inUnits(resource: 'cpu' | 'memory', amount: number): string {
  if (resource === 'cpu')
    return amount < 10 ? `${Math.round(amount * 1000) / 1000} cores` : `${Math.round(amount)} cores`;
  return `${Math.round(amount / 2 ** 20)} MiB`;
}
