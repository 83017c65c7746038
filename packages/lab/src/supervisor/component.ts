/**
 * One long-running process of the lab. The supervisor starts it, waits until it is ready, restarts it with
 * back-off, keeps its log and reports on it.
 */
export interface Component {
  /** e.g. `cluster1/kubelet`; unique; also the log file's path under `<state>/logs`. */
  readonly name: string;
  /** The network namespace it runs in (as in `ip netns`), or null for the sandbox's own. */
  readonly netns: string | null;
  readonly argv: readonly string[];
  /** Added to a minimal environment (PATH, HOME, LANG). */
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
  /** Names of components and tasks that must be ready before this one starts. */
  readonly after?: readonly string[];
  /**
   * Polled every 50 ms until it returns true; absent means ready as soon as it is started.
   * A rejection counts as "not yet" and is shown as what the component waits for.
   */
  readonly ready?: (signal: AbortSignal) => Promise<boolean>;
}
