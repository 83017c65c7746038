import type { Ssh } from '../effects/ssh/port.ts';
import { failed } from '../metrics/failed.ts';
import { type InboundCalls, inboundCalls } from '../metrics/inbound.ts';
import { mustRun } from './must-run.ts';

/** What the VM's own proxy has let in for the service since it started. */
export interface VmInbound {
  /** requests, or connections of a TCP service, that ended */
  readonly requests: number;
  readonly failed: number;
  /** requests that run now: long streams as well */
  readonly activeRequests: number;
  /** connections that are open now, used or not */
  readonly activeConnections: number;
}

/** Reads the VM's own counters, which see every caller, also those that no member cluster knows of. */
export async function readVmInbound(
  ssh: Ssh,
  options: { readonly port: number; readonly signal?: AbortSignal },
): Promise<VmInbound> {
  // pilot-agent asks Envoy's admin port, since a VM need not have curl.
  const script = `/usr/local/bin/pilot-agent request GET '/stats/prometheus?usedonly'`;
  const { stdout } = await mustRun(ssh, "read the sidecar's counters", script, options.signal);
  return summarise(inboundCalls(stdout, options.port));
}

function summarise({ calls, activeRequests, activeConnections }: InboundCalls): VmInbound {
  const count = (some: InboundCalls['calls']) => some.reduce((sum, call) => sum + call.count, 0);
  return { requests: count(calls), failed: count(calls.filter(failed)), activeRequests, activeConnections };
}
