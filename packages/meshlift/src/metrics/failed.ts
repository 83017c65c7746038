import type { CallSeries } from './call-series.ts';

/** gRPC statuses that blame the service or the way to it, not the caller: unknown, deadline, unimplemented, internal, unavailable, data loss. */
const failedGrpc: ReadonlySet<number> = new Set([2, 4, 12, 13, 14, 15]);

/** Envoy's flags of calls that no upstream answered; the list of all is in Envoy's access log documentation. */
const noAnswerFlags: ReadonlySet<string> = new Set([
  'DPE', // downstream protocol error
  'LH', // local service failed its health check
  'LR', // connection reset on our side
  'NC', // no such cluster
  'NFCF', // no filter configuration
  'NR', // no route
  'OM', // overload manager
  'SI', // stream idle time-out
  'UC', // upstream closed the connection
  'UF', // upstream connection failure
  'UH', // no healthy upstream
  'UMSDR', // upstream maximum stream duration
  'UO', // circuit breaker
  'UPE', // upstream protocol error
  'UR', // upstream reset
  'URX', // retries used up
  'UT', // upstream time-out
]);

/**
 * Whether the caller was let down. A gRPC call is judged by its own status where it has one, since its HTTP status is
 * 200 also for failures; a flag counts in any case, as a call may break after its headers were good.
 */
export function failed(call: Pick<CallSeries, 'responseCode' | 'grpcStatus' | 'flags'>): boolean {
  if (call.flags !== '' && call.flags.split(',').some((flag) => noAnswerFlags.has(flag))) return true;
  if (call.grpcStatus !== null && failedGrpc.has(call.grpcStatus)) return true;
  return call.responseCode !== null && (call.responseCode === 0 || call.responseCode >= 500);
}
