import type { KubeObject, KubeReader, KubeWriter, WriteOptions } from './port.ts';

/** A record, so that a read that is added to the port and forgotten here is an error of types. */
const readerMembers: Readonly<Record<keyof KubeReader, true>> = {
  cluster: true,
  get: true,
  list: true,
  serves: true,
  version: true,
  now: true,
  podGet: true,
  serviceGet: true,
  forwardedGet: true,
  forwardedCall: true,
  logs: true,
  may: true,
};
const reads: ReadonlySet<string | symbol> = new Set(Object.keys(readerMembers));

/**
 * The same cluster for whoever only looks: reads and dry runs go through, and a write is a bug that surfaces. What a
 * command that "changes nothing" promises holds by this, not by care.
 */
export function readOnly(kube: KubeWriter): KubeWriter {
  const refuse = (verb: string) => () =>
    Promise.reject(new TypeError(`${verb} in ${kube.cluster}: this command must not write`));
  return new Proxy(kube, {
    get(target, name) {
      if (name === 'apply')
        return (object: KubeObject, options?: WriteOptions) =>
          options?.dryRun ? target.apply(object, options) : refuse('apply')();
      const value = Reflect.get(target, name, target) as unknown;
      if (typeof value !== 'function') return value;
      return reads.has(name) ? value.bind(target) : refuse(String(name));
    },
  });
}
