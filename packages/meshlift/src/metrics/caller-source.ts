import type { CallerSample } from './call-series.ts';

/**
 * Where the counters of one cluster's calling proxies are read, whoever keeps them. All sources count the same: since
 * each proxy started, by the labels that the proxy gave.
 */
export interface CallerSource {
  /**
   * Every caller's counters, or why they could not be had, caller by caller. Rejects with a MeshliftError when nothing
   * can be said of any of them.
   */
  read(options?: ReadOptions): Promise<CallerSample>;
}

export interface ReadOptions {
  readonly signal?: AbortSignal;
  /** ask those too that have been silent for a while, and would otherwise be asked less often; false unless given */
  readonly thorough?: boolean;
}
