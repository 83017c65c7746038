import { MeshliftError } from '../../errors/error.ts';
import type { Clock } from '../clock/port.ts';
import type { KubeWriter } from './port.ts';

export type KubeVerb = Exclude<keyof KubeWriter, 'cluster'>;

export interface FaultyCall {
  readonly cluster: string;
  readonly verb: KubeVerb;
  readonly args: readonly unknown[];
}

/** Stands before one verb: may refuse, delay, or let it through by `proceed`. */
export type Fault = (call: FaultyCall, proceed: () => Promise<unknown>) => Promise<unknown>;

/** The same cluster with faults before some of its verbs; all others work as before. */
export function withFaults(cluster: KubeWriter, faults: Partial<Record<KubeVerb, Fault>>): KubeWriter {
  return new Proxy(cluster, {
    get(target, property) {
      const value: unknown = Reflect.get(target, property, target);
      if (typeof value !== 'function') return value;
      const verb = property as KubeVerb;
      return (...args: unknown[]) => {
        const proceed = async () => value.apply(target, args) as Promise<unknown>;
        const fault = faults[verb];
        return fault ? fault({ cluster: target.cluster, verb, args }, proceed) : proceed();
      };
    },
  });
}

/** The cluster does not answer, and nothing is done. */
export const unreachable: Fault = async (call) => {
  throw fault(call, 'cluster-unreachable', 'it does not answer');
};

/** The cluster does it, but its answer is lost: the caller cannot know. */
export const answerLost: Fault = async (call, proceed) => {
  await proceed();
  throw fault(call, 'cluster-unreachable', 'the connection broke before the answer came');
};

export function refuse(why: string): Fault {
  return async (call) => {
    throw fault(call, 'cluster-refused', why);
  };
}

export const conflict: Fault = async (call) => {
  throw fault(call, 'cluster-conflict', 'the object has been modified');
};

/** Does it only after a while. */
export function delay(ms: number, clock: Clock): Fault {
  return async (_call, proceed) => {
    await clock.wait(ms);
    return proceed();
  };
}

/** The fault for the first `n` calls; later ones go through. */
export function times(n: number, inner: Fault): Fault {
  let left = n;
  return (call, proceed) => {
    left -= 1;
    return left >= 0 ? inner(call, proceed) : proceed();
  };
}

/** The fault for as long as `holds` says so. */
export function when(holds: (call: FaultyCall) => boolean, inner: Fault): Fault {
  return (call, proceed) => (holds(call) ? inner(call, proceed) : proceed());
}

function fault(
  { cluster, verb }: FaultyCall,
  code: 'cluster-unreachable' | 'cluster-refused' | 'cluster-conflict',
  why: string,
): MeshliftError {
  return new MeshliftError(code, { where: `${verb} in ${cluster}`, why, next: 'this failure was arranged' });
}
