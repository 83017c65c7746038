import type { Protocol } from '../spec/migration.ts';

/** Istio reads the protocol of a port from its name. */
export function portName(protocol: Protocol): string {
  return protocol;
}
