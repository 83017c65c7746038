const begin = '# meshlift begin: the way to istiod';
const end = '# meshlift end';

/**
 * The hosts file with our line in a marked block, replacing the one of before. The block comes first: the first line
 * that has a name wins, and an earlier attempt by hand may have left another.
 */
export function withHostsBlock(hosts: string, line: string): string {
  return `${begin}\n${line}\n${end}\n${withoutHostsBlock(hosts)}`;
}

/** The hosts file without our block, byte for byte as others left it. */
export function withoutHostsBlock(hosts: string): string {
  const start = hosts.indexOf(`${begin}\n`);
  if (start === -1) return hosts;
  const stop = hosts.indexOf(`${end}\n`, start);
  // A block without its end was cut by someone; its first two lines are ours for certain.
  const rest = stop === -1 ? hosts.split('\n').slice(2).join('\n') : hosts.slice(stop + end.length + 1);
  return hosts.slice(0, start) + rest;
}
