import { type InboundActivity, inboundActivity } from '../effects/istiod/proxy-config.ts';
import type { Ssh } from '../effects/ssh/port.ts';
import { failed } from '../metrics/failed.ts';
import { inboundCalls } from '../metrics/inbound.ts';
import { mustRun } from './must-run.ts';

/** What the VM's own proxy has let in for the service since it started, and what runs now. */
export interface VmInbound extends InboundActivity {
  /** requests, or connections of a TCP service, that ended */
  readonly requests: number;
  readonly failed: number;
}

const separator = '=clusters=';

/**
 * Reads the VM's own counters, which see every caller, also those that no member cluster knows of. pilot-agent asks
 * Envoy's admin port, since a VM need not have curl. Rejects with `vm-command` when the sidecar does not answer.
 */
export async function readVmInbound(
  ssh: Ssh,
  options: { readonly ports: readonly number[]; readonly signal?: AbortSignal },
): Promise<VmInbound> {
  const get = '/usr/local/bin/pilot-agent request GET';
  const script = `${get} '/stats/prometheus?usedonly' && echo && echo '${separator}' && ${get} '/clusters?format=json'`;
  const { stdout } = await mustRun(ssh, "read the sidecar's counters", script, options.signal);
  const [stats = '', clusters = ''] = stdout.split(`\n${separator}\n`);
  const calls = inboundCalls(stats, options.ports);
  const count = (some: typeof calls) => some.reduce((sum, call) => sum + call.count, 0);
  return {
    requests: count(calls),
    failed: count(calls.filter(failed)),
    ...inboundActivity(clusters, options.ports),
  };
}
