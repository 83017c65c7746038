import type { KubeWriter } from './port.ts';

const shared = new Set<PropertyKey>([
  'get',
  'list',
  'serves',
  'version',
  'now',
  'podGet',
  'serviceGet',
  'forwardedGet',
  'may',
]);

/**
 * The same cluster, asking it each question once: whoever asks again gets the first answer, a failure included. For a
 * short look by many at one moment; writes go through as they are, and answers given before them stay.
 */
export function withSharedReads(cluster: KubeWriter): KubeWriter {
  const answers = new Map<string, Promise<unknown>>();
  return new Proxy(cluster, {
    get(target, property) {
      const value: unknown = Reflect.get(target, property, target);
      if (typeof value !== 'function') return value;
      if (!shared.has(property)) return value.bind(target);
      return (...args: unknown[]) => {
        const question = JSON.stringify([property, ...args.filter((it) => !(it instanceof AbortSignal))]);
        const answer = answers.get(question) ?? Promise.resolve(value.apply(target, args));
        answers.set(question, answer);
        return answer;
      };
    },
  });
}
