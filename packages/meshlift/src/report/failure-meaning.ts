import type { FailureCause } from '../metrics/tally.ts';

/** https://grpc.github.io/grpc/core/md_doc_statuscodes.html */
const grpcNames = [
  'OK',
  'CANCELLED',
  'UNKNOWN',
  'INVALID_ARGUMENT',
  'DEADLINE_EXCEEDED',
  'NOT_FOUND',
  'ALREADY_EXISTS',
  'PERMISSION_DENIED',
  'RESOURCE_EXHAUSTED',
  'FAILED_PRECONDITION',
  'ABORTED',
  'OUT_OF_RANGE',
  'UNIMPLEMENTED',
  'INTERNAL',
  'UNAVAILABLE',
  'DATA_LOSS',
  'UNAUTHENTICATED',
];

/** Envoy's response flags for people; the list of all is in Envoy's access log documentation. */
const flagMeanings: Readonly<Record<string, string>> = {
  DC: 'the caller went away',
  DF: 'the host’s name could not be looked up',
  DPE: 'the caller broke the protocol',
  DR: 'the caller cancelled it',
  DT: 'the request took longer than allowed',
  FI: 'a fault was injected',
  LH: 'the caller’s own service failed its health check',
  LR: 'the connection was reset on the caller’s side',
  NC: 'the route led to a host that the proxy did not know',
  NFCF: 'the proxy’s filter had no configuration',
  NR: 'there was no route',
  OM: 'the proxy was overloaded',
  RL: 'a rate limit was exceeded',
  SI: 'the stream was silent for too long',
  UAEX: 'the external authorization refused it',
  UC: 'the connection was closed before the answer',
  UF: 'no connection could be made',
  UH: 'no healthy endpoint was there',
  UMSDR: 'the stream lasted longer than allowed',
  UO: 'a circuit breaker was open',
  UPE: 'the answer broke the protocol',
  UR: 'the request was reset before the answer',
  URX: 'all retries were used up',
  UT: 'no answer came in time',
};

export type WayOfFailing = Pick<FailureCause, 'responseCode' | 'grpcStatus' | 'flags'>;

/** Why a request failed, as a sentence's part: `UNAVAILABLE: no connection could be made, all retries were used up` */
export function failureMeaning(way: WayOfFailing): string {
  const flags = way.flags.split(',').filter((flag) => flag !== '' && flag !== '-');
  const why = flags.map((flag) => flagMeanings[flag] ?? `Envoy’s flag ${flag}`).join(', ');
  const status = statusMeaning(way);
  return [status, why].filter(Boolean).join(': ');
}

function statusMeaning({ responseCode, grpcStatus }: WayOfFailing): string {
  if (grpcStatus !== null) return grpcNames[grpcStatus] ?? `gRPC status ${grpcStatus}`;
  if (responseCode === 0) return 'no answer';
  if (responseCode === null) return 'connection failed';
  return `HTTP ${responseCode}`;
}
