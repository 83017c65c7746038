/**
 * An address for a host of ours that needs one of its own. It is from 240.241.0.0/16, which no network routes and which
 * lies beside the range that istiod allocates from; the same host always has the same one (32-bit FNV-1a, folded).
 */
export function reservedAddress(host: string): string {
  let hash = 0x811c9dc5;
  for (const byte of Buffer.from(host, 'utf8')) hash = Math.imul(hash ^ byte, 0x01000193) >>> 0;
  const folded = (hash >>> 16) ^ (hash & 0xffff);
  return `240.241.${folded >>> 8}.${folded & 0xff}`;
}
