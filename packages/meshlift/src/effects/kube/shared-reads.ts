import type { KubeWriter } from './port.ts';

const shared = new Set<PropertyKey>([
  'get',
  'list',
  'serves',
  'version',
  'now',
  'podGet',
  'forwardedGet',
  'may',
]);

/**
 * How many questions one cluster gets at a time. Each that is under way has a connection of its own, and the time that a
 * server is given for its answer runs from the beginning: a hundred at once, with as many TLS handshakes, would time out
 * on a machine that is busy.
 */
const atOnce = 8;

/**
 * The same cluster, asking it each question once, and a few at a time: whoever asks again gets the first answer, a
 * failure included. For a short look by many at one moment; writes go through as they are, and answers given before
 * them stay.
 */
export function withSharedReads(cluster: KubeWriter): KubeWriter {
  const answers = new Map<string, Promise<unknown>>();
  const takeTurn = turns(atOnce);
  return new Proxy(cluster, {
    get(target, property) {
      const value: unknown = Reflect.get(target, property, target);
      if (typeof value !== 'function') return value;
      if (!shared.has(property)) return value.bind(target);
      return (...args: unknown[]) => {
        const question = JSON.stringify([property, ...args.filter((it) => !(it instanceof AbortSignal))]);
        const answer = answers.get(question) ?? takeTurn(async () => value.apply(target, args) as unknown);
        answers.set(question, answer);
        return answer;
      };
    },
  });
}

/** Runs so many at a time, the others in the order in which they came. */
function turns(most: number): <T>(work: () => Promise<T>) => Promise<T> {
  const waiting: (() => void)[] = [];
  let running = 0;
  return async (work) => {
    if (running >= most) await new Promise<void>((resolve) => waiting.push(resolve));
    else running += 1;
    try {
      return await work();
    } finally {
      // Whoever is next takes over this one's place.
      const next = waiting.shift();
      if (next) next();
      else running -= 1;
    }
  };
}
