import { BACKBONE } from './addresses.ts';

/** A machine on the backbone: a cluster's or the VM. Its name is its network namespace's. */
export interface Machine {
  readonly name: string;
  readonly address: string;
  /** Present on a cluster's machine: the pods behind it. */
  readonly pods?: { readonly cidr: string; readonly serviceCidr: string };
}

/** One program with its input, to be run in order. `netns` null is the sandbox's own namespace. */
export interface NetworkCommand {
  readonly netns: string | null;
  readonly argv: readonly string[];
  readonly stdin: string;
}

/** The sandbox's end of a machine's link: the port on the backbone bridge where faults are applied. */
export function backbonePort(machine: string): string {
  return `to-${machine}`;
}

/**
 * What makes the lab's network, in order. `ip` and `nft` read whole batches, because starting a process per
 * interface would take longer than the work.
 */
export function networkCommands(machines: readonly Machine[]): NetworkCommand[] {
  return [
    // A router that forwards says so at once when it has no way on, and there is none; one that doesn't keeps silent.
    { netns: null, argv: ['sysctl', '-q', '-p', '-'], stdin: lines(['net.ipv4.ip_forward = 1']) },
    { netns: null, argv: ['ip', '-batch', '-'], stdin: lines(sandboxLinks(machines)) },
    ...machines.flatMap((machine) => [
      { netns: machine.name, argv: ['ip', '-batch', '-'], stdin: lines(machineLinks(machine)) },
      ...(machine.pods ? podForwarding(machine.name, machine.pods) : []),
    ]),
  ];
}

function sandboxLinks(machines: readonly Machine[]): string[] {
  return [
    'link set lo up',
    // Of its own: else it takes the least of its ports', and changes it when that port is cut off.
    `link add ${BACKBONE.bridge} address ${BACKBONE.mac} type bridge`,
    `addr add ${BACKBONE.router}/${BACKBONE.prefix} dev ${BACKBONE.bridge}`,
    `link set ${BACKBONE.bridge} up`,
    ...machines.flatMap(({ name }) => [
      `netns add ${name}`,
      `link add ${backbonePort(name)} type veth peer name eth0 netns ${name}`,
      `link set ${backbonePort(name)} master ${BACKBONE.bridge} up`,
    ]),
  ];
}

function machineLinks(machine: Machine): string[] {
  return [
    'link set lo up',
    `addr add ${machine.address}/${BACKBONE.prefix} dev eth0`,
    'link set eth0 up',
    // Nothing beyond the backbone exists; the route makes a call to the outside fail at the router at once.
    `route add default via ${BACKBONE.router}`,
  ];
}

function podForwarding(netns: string, pods: NonNullable<Machine['pods']>): NetworkCommand[] {
  return [
    {
      netns,
      argv: ['sysctl', '-q', '-p', '-'],
      stdin: lines([
        'net.ipv4.ip_forward = 1',
        // Pods reach one another through the machine, so that ClusterIPs work without br_netfilter;
        // it must not tell them about the shorter way. The pods' bridge is made later, and starts with `default`.
        'net.ipv4.conf.all.send_redirects = 0',
        'net.ipv4.conf.default.send_redirects = 0',
      ]),
    },
    {
      netns,
      argv: ['nft', '-f', '-'],
      stdin: lines([
        'table ip lab {',
        '  chain postrouting {',
        '    type nat hook postrouting priority srcnat; policy accept;',
        `    ip saddr ${pods.cidr} ip daddr != { ${pods.cidr}, ${pods.serviceCidr} } oifname "eth0" masquerade`,
        '  }',
        '}',
      ]),
    },
  ];
}

function lines(of: readonly string[]): string {
  return `${of.join('\n')}\n`;
}
