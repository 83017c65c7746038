import { MeshliftError } from '../../errors/error.ts';
import { type ApiAnswer, NoAnswerInTime } from './api-request.ts';

/** What was attempted, for messages: `get VirtualService default/productcatalogservice`. */
export interface Attempt {
  readonly cluster: string;
  readonly context: string;
  readonly server: string;
  readonly doing: string;
}

interface Status {
  readonly message?: string;
  readonly reason?: string;
}

/** Answers that the API server gives while it cannot work, and that another try may not meet. */
const notWorking = new Set([429, 502, 503, 504]);

/** The error for an answer that is not a success. */
export function refusal(attempt: Attempt, answer: ApiAnswer): MeshliftError {
  const { message } = readStatus(answer.body);
  const said = message ?? (firstLine(answer.body) || 'nothing more');
  const where = `${attempt.doing} in ${attempt.cluster}`;
  if (answer.status === 401 || answer.status === 403) {
    const why =
      answer.status === 401 ? `the API server does not know these credentials (401: ${said})` : said;
    return new MeshliftError('cluster-forbidden', {
      where,
      why,
      next:
        answer.status === 401
          ? `renew the credentials of context ${attempt.context} and try: kubectl --context ${attempt.context} auth whoami`
          : `ask for the right; what is allowed: kubectl --context ${attempt.context} auth can-i --list`,
    });
  }
  if (answer.status === 409) {
    return new MeshliftError('cluster-conflict', {
      where,
      why: said,
      next: 'read the object again and repeat; if it comes back, someone else writes it too',
    });
  }
  if (notWorking.has(answer.status)) {
    return new MeshliftError('cluster-unreachable', {
      where,
      why: `the API server cannot answer now (${answer.status}: ${said})`,
      next: `wait and repeat; its state: kubectl --context ${attempt.context} get --raw /readyz?verbose`,
    });
  }
  return new MeshliftError('cluster-refused', {
    where,
    why: `the API server answered ${answer.status}: ${said}`,
    next: refusedNext(attempt, answer.status),
  });
}

function refusedNext({ context, server }: Attempt, status: number): string {
  if (status === 404)
    return `make what is missing, or check that ${context} (${server}) is the right cluster`;
  if (status === 400 || status === 422) return 'mend the field that the answer names, and repeat';
  return `see what the API server logs; its state: kubectl --context ${context} get --raw /readyz?verbose`;
}

/** The error for a pod's port that gave no answer, or not a good one; the cluster itself answered. */
export function podRefusal(
  attempt: Attempt,
  target: { namespace: string; pod: string },
  why: string,
): MeshliftError {
  return new MeshliftError('cluster-refused', {
    where: `${attempt.doing} in ${attempt.cluster}`,
    why,
    next: `see the pod: kubectl --context ${attempt.context} -n ${target.namespace} describe pod ${target.pod}`,
  });
}

/** The error for no answer at all. The caller's own abort is passed on as it is. */
export function noAnswer(attempt: Attempt, error: unknown, signal: AbortSignal | undefined): unknown {
  if (signal?.aborted || error instanceof MeshliftError) {
    return error;
  }
  return new MeshliftError('cluster-unreachable', {
    where: `${attempt.doing} in ${attempt.cluster}`,
    why: `${attempt.server} does not answer: ${cause(error)}`,
    next: `check that this machine reaches it: kubectl --context ${attempt.context} version`,
    cause: error,
  });
}

export function readStatus(body: string): Status {
  try {
    const status = JSON.parse(body) as Status | null;
    return typeof status === 'object' && status !== null ? status : {};
  } catch {
    return {}; // a proxy's own page, quoted as it is by the caller
  }
}

function firstLine(text: string): string {
  return (text.trim().split('\n')[0] ?? '').slice(0, 300);
}

function cause(error: unknown): string {
  if (error instanceof NoAnswerInTime) {
    return error.message;
  }
  // Node gathers the failures of a host's several addresses in one AggregateError with an empty message.
  if (error instanceof AggregateError && error.message === '') {
    return error.errors.map(cause).join('; ');
  }
  return error instanceof Error ? error.message : String(error);
}
