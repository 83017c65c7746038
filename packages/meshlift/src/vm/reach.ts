import type { Ssh } from '../effects/ssh/port.ts';
import { shellQuote } from '../effects/ssh/shell-quote.ts';

export interface ReachTarget {
  /** IP address or a name that the VM resolves */
  readonly host: string;
  readonly port: number;
}

/** What a TCP connection from the VM met: `refused` means that packets arrive but nobody listens there. */
export type Reach = 'reached' | 'refused' | 'no-answer';

/**
 * Tries a TCP connection from the VM, such as to istiod through its gateway before anything is installed. bash opens it
 * (Istio's own start script needs bash, too), since a VM need not have curl.
 */
export async function reachFromVm(
  ssh: Ssh,
  target: ReachTarget,
  options: { readonly timeoutSeconds?: number; readonly signal?: AbortSignal } = {},
): Promise<Reach> {
  const { timeoutSeconds = 3, signal } = options;
  const open = `exec 3<>${shellQuote(`/dev/tcp/${target.host}/${target.port}`)}`;
  const { exitCode, stderr } = await ssh.run(
    `timeout ${timeoutSeconds} bash -c ${shellQuote(open)}`,
    signal ? { signal } : {},
  );
  if (exitCode === 0) return 'reached';
  return /refused/i.test(stderr) ? 'refused' : 'no-answer';
}
