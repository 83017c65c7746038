import { isMeshliftError } from '../../errors/error.ts';
import type { Prometheus } from '../prometheus/port.ts';
import { answer } from './answer.ts';
import type { UserGate } from './port.ts';

export interface PrometheusGateSpec {
  readonly query: string;
  readonly min?: number | undefined;
  readonly max?: number | undefined;
}

/**
 * Asks an expression of PromQL: every value of it must lie within the limits. No value, or one that is no number (a rate
 * of nothing), is inconclusive: it holds, where others would count it as a failure.
 */
export function prometheusGate(name: string, spec: PrometheusGateSpec, server: Prometheus): UserGate {
  const { query, min = Number.NEGATIVE_INFINITY, max = Number.POSITIVE_INFINITY } = spec;
  return {
    name,
    async ask(_situation, signal) {
      try {
        const values = (await server.query(query, signal)).map(({ value }) => value);
        if (values.length === 0) return answer(name, 'inconclusive', 'the query has no result');
        if (values.some(Number.isNaN)) return answer(name, 'inconclusive', 'the query results in no number');
        const wrong = values.find((value) => value < min || value > max);
        const range = [
          Number.isFinite(min) ? `at least ${min}` : '',
          Number.isFinite(max) ? `at most ${max}` : '',
        ];
        const wanted = `${range.filter(Boolean).join(' and ')} is wanted`;
        if (wrong !== undefined) return answer(name, 'fail', `it is ${wrong}; ${wanted}`);
        return answer(name, 'pass', `it is ${values.join(', ')}; ${wanted}`);
      } catch (error) {
        if (signal.aborted) return answer(name, 'error', 'the engine stopped');
        if (isMeshliftError(error)) return answer(name, 'error', error.message);
        throw error;
      }
    },
  };
}
