import { type Migration, type Protocol, portsOf } from '../spec/migration.ts';

/** Istio reads the protocol of a port from its name, up to the first dash. */
export function portName(protocol: Protocol): string {
  return protocol;
}

export interface NamedPort {
  readonly name: string;
  readonly port: number;
  readonly protocol: Protocol;
}

/** Every port of the service with a name of its own in the objects that Meshlift makes. */
export function namedPorts(migration: Migration): readonly NamedPort[] {
  return portsOf(migration).map(({ port, protocol }, i) => ({
    name: i === 0 ? portName(protocol) : `${portName(protocol)}-${port}`,
    port,
    protocol,
  }));
}

/** Under which port each is reached at an endpoint: its own, or one for all. */
export function endpointPorts(migration: Migration, all?: number): Readonly<Record<string, number>> {
  return Object.fromEntries(namedPorts(migration).map(({ name, port }) => [name, all ?? port]));
}
