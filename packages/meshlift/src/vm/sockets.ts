/** A TCP port that something listens on. */
export interface Listener {
  readonly port: number;
  /** on 127.0.0.1 or ::1: not under the VM's own address */
  readonly loopback: boolean;
}

export interface SocketAddress {
  /** IP address as people write it */
  readonly address: string;
  readonly port: number;
  readonly loopback: boolean;
}

/** A TCP connection that is open now. */
export interface Connection {
  readonly local: SocketAddress;
  readonly remote: SocketAddress;
}

export interface Sockets {
  readonly listeners: readonly Listener[];
  readonly connections: readonly Connection[];
}

const states = { open: '01', listening: '0A' } as const;

/** Reads rows of /proc/net/tcp and tcp6, whose addresses and ports are hexadecimal; `is` chooses sockets by their inode. */
export function connectionsIn(rows: readonly string[], is: (inode: string) => boolean = () => true): Sockets {
  const listeners: Listener[] = [];
  const connections: Connection[] = [];
  for (const row of rows) {
    const [, local = '', remote = '', state, , , , , , inode = ''] = row.trim().split(/\s+/);
    if ((state !== states.listening && state !== states.open) || !is(inode)) continue;
    const here = socketAddress(local);
    if (state === states.listening) listeners.push({ port: here.port, loopback: here.loopback });
    else connections.push({ local: here, remote: socketAddress(remote) });
  }
  return { listeners, connections };
}

function socketAddress(text: string): SocketAddress {
  const [hex = '', port = ''] = text.split(':');
  const address = hex.length === 8 ? ipv4(hex) : ipv6(hex);
  return {
    address,
    port: Number.parseInt(port, 16),
    loopback: address === '::1' || /^127\./.test(address),
  };
}

/** Each 32-bit word is printed in the machine's byte order, which is little-endian on x86 and ARM. */
function bytesOf(word: string): readonly number[] {
  return [6, 4, 2, 0].map((at) => Number.parseInt(word.slice(at, at + 2), 16));
}

function ipv4(hex: string): string {
  return bytesOf(hex).join('.');
}

/** An IPv4 address that a socket for both families shows as ::ffff:10.0.0.1 is that IPv4 address. */
function ipv6(hex: string): string {
  const words = [0, 8, 16, 24].map((at) => hex.slice(at, at + 8));
  if (words[0] === '00000000' && words[1] === '00000000' && words[2] === 'FFFF0000')
    return ipv4(words[3] ?? '');
  const bytes = words.flatMap(bytesOf);
  const groups = Array.from({ length: 8 }, (_, i) =>
    (((bytes[2 * i] ?? 0) << 8) | (bytes[2 * i + 1] ?? 0)).toString(16),
  );
  return new URL(`http://[${groups.join(':')}]`).hostname.slice(1, -1); // its shortest form
}
