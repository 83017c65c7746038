import { join } from 'node:path';
import { type PodRecord, usesMachineNetwork } from './pod.ts';

/** What the shim makes for a pod; packages/lab/parts/shim/plan.go reads it. */
export interface SandboxPlan {
  readonly namespaces: { readonly net: string; readonly uts: string; readonly ipc: string };
  readonly hostname: string;
  readonly network: {
    readonly bridge: string;
    readonly interface: string;
    readonly address: string;
    readonly gateway: string;
    readonly mtu: number;
  } | null;
  readonly sysctls: Readonly<Record<string, string>>;
}

/** The machine's side of its pods' network. */
export interface MachineNetwork {
  readonly bridge: string;
  readonly gateway: string;
  /** Bytes. */
  readonly mtu: number;
  readonly hostname: string;
}

/**
 * The namespaces and the network of a pod.
 *
 * @param folder the pod's folder, where the namespaces' files are
 */
export function sandboxPlan(pod: PodRecord, folder: string, machine: MachineNetwork): SandboxPlan {
  const onMachineNetwork = usesMachineNetwork(pod.config);
  return {
    namespaces: {
      net: onMachineNetwork ? '' : join(folder, 'ns', 'net'),
      uts: join(folder, 'ns', 'uts'),
      ipc: join(folder, 'ns', 'ipc'),
    },
    hostname: hostnameOf(pod, machine),
    network:
      pod.address === null
        ? null
        : {
            bridge: machine.bridge,
            interface: interfaceName(pod.id),
            address: pod.address,
            gateway: machine.gateway,
            mtu: machine.mtu,
          },
    sysctls: pod.config.linux?.sysctls ?? {},
  };
}

export function hostnameOf(
  pod: Pick<PodRecord, 'config'>,
  machine: Pick<MachineNetwork, 'hostname'>,
): string {
  return pod.config.hostname || machine.hostname;
}

/** Interface names have at most 15 characters. */
function interfaceName(podId: string): string {
  return `pod${podId.slice(0, 12)}`;
}
