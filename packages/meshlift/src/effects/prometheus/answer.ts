import { MeshliftError } from '../../errors/error.ts';
import type { PrometheusRow } from './port.ts';

interface Answer {
  readonly status?: string;
  readonly error?: string;
  readonly data?: { readonly resultType?: string; readonly result?: unknown };
}

type Point = readonly [number, string];

/** Reads what `/api/v1/query` answered (Prometheus' HTTP API, "instant queries"). */
export function readAnswer(where: string, body: string): readonly PrometheusRow[] {
  const answer = decoded(body);
  if (answer?.status !== 'success' || answer.data === undefined) {
    throw unavailable(where, answer?.error ?? `it answered what is not Prometheus': ${body.slice(0, 200)}`);
  }
  const { resultType, result } = answer.data;
  if (resultType === 'scalar') return [{ labels: {}, value: numberOf((result as Point)[1]) }];
  if (resultType === 'vector') {
    return (result as { metric: Record<string, string>; value: Point }[]).map(({ metric, value }) => ({
      labels: metric,
      value: numberOf(value[1]),
    }));
  }
  throw unavailable(where, `the expression is a ${resultType}, and an instant vector or a scalar is wanted`);
}

export function unavailable(where: string, why: string, cause?: unknown): MeshliftError {
  return new MeshliftError('metrics-unavailable', {
    where: `Prometheus at ${where}`,
    why,
    next: 'meshlift explain metrics-unavailable',
    cause,
  });
}

function decoded(body: string): Answer | null {
  try {
    return JSON.parse(body) as Answer;
  } catch {
    return null;
  }
}

function numberOf(text: string): number {
  if (text === '+Inf') return Number.POSITIVE_INFINITY;
  if (text === '-Inf') return Number.NEGATIVE_INFINITY;
  return Number(text);
}
