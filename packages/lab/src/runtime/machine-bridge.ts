import { formatAddress, parseAddress, parseRange } from './pods/address-pool.ts';
import { runProgram } from './program.ts';

/**
 * Makes the machine's bridge for its pods, unless it is there: the first address of the pod range, up.
 * It belongs to the network namespace that this process runs in.
 */
export async function ensureBridge(name: string, podCidr: string): Promise<void> {
  const present = await runProgram(['ip', 'link', 'show', 'dev', name]);
  if (present.exitCode === 0) return;
  const gateway = formatAddress(parseRange(podCidr).first + 1);
  const prefix = podCidr.split('/')[1] ?? '';
  const commands = [
    `link add ${name} address ${hardwareAddress(gateway)} type bridge`,
    `addr add ${gateway}/${prefix} dev ${name}`,
    `link set ${name} up`,
  ];
  const result = await runProgram(['ip', '-batch', '-'], { stdin: `${commands.join('\n')}\n` });
  if (result.exitCode !== 0)
    throw new Error(`cannot make the bridge ${name}: ${result.stderr.toString('utf8').trim()}`);
}

/**
 * A locally administered hardware address made of an IPv4 address. A bridge without one of its own takes
 * that of a port, which changes as pods come and go, and pods would send to the old one for a while.
 */
export function hardwareAddress(address: string): string {
  const octets = parseAddress(address).toString(16).padStart(8, '0').match(/../g) ?? [];
  return ['0a', '58', ...octets].join(':');
}
