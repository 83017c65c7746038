import { refOf } from '../effects/kube/object-ref.ts';
import type { KubeObject, KubeWriter, ObjectRef, WriteOptions } from '../effects/kube/port.ts';
import type { Ssh } from '../effects/ssh/port.ts';
import { isMeshliftError } from '../errors/error.ts';
import { isAsWritten } from '../mesh/as-written.ts';
import { epochAnnotation, migrationLabel } from '../mesh/marks.ts';
import type { Claim } from './claim.ts';
import type { MemberCluster } from './context.ts';

/** Controllers write beside us; nobody changes an object so often without a reason that is worth showing. */
const attempts = 10;

/**
 * A member cluster whose writes an engine can make only as long as it owns the migration. Kubernetes has no write that
 * depends on another object, so each goes in three steps: read the object, confirm the Lease, write the object as it was
 * read. Had a later engine taken the Lease before the second step, that step refuses; had it taken it afterwards, then
 * whatever it wrote has another resourceVersion (its epoch is on it, so even where nothing else changed), and the third is
 * refused. So a write of before never undoes one of after, in any cluster, however long its process was stopped in between.
 *
 * The first two steps are taken at once where the object itself tells whose it is: that the Lease was lost just before
 * the object was read shows in the epoch of whoever has written it since.
 */
export function fencedCluster(member: MemberCluster, claim: Claim): KubeWriter {
  const { kube } = member;
  const confirm = (signal: AbortSignal | undefined) => claim.confirm(member, signal);

  /** Reads, confirms and writes, again when somebody who owns nothing here (a controller) wrote in between. */
  async function asRead<T>(
    ref: ObjectRef,
    options: WriteOptions,
    write: (guard: WriteOptions, live: KubeObject | null) => Promise<T>,
  ): Promise<T> {
    const { signal } = options;
    for (let attempt = 1; ; attempt += 1) {
      const [live] = await Promise.all([kube.get(ref, signal), claim.confirmWithOthers(member, signal)]);
      if (!isOfThisOrBefore(live, claim)) await confirm(signal);
      const version = options.resourceVersion ?? live?.metadata.resourceVersion;
      try {
        return await write(guardOf(options, version, live), live);
      } catch (error) {
        const wasGuarded = options.resourceVersion !== undefined || attempt === attempts;
        if (wasGuarded || !isMeshliftError(error, 'cluster-conflict')) throw error;
      }
    }
  }

  const writes = {
    apply: async (object: KubeObject, options: WriteOptions = {}) => {
      if (options.dryRun) return kube.apply(object, options);
      const own = signed(object, claim);
      return asRead(refOf(object), options, async (guard, live) =>
        live && isStoredSo(live, own) ? live : kube.apply(own, guard),
      );
    },
    applyStatus: async (object: KubeObject, options: WriteOptions = {}) => {
      if (options.resourceVersion !== undefined) {
        // Whoever names the version has read the object, and there is no status of one that is gone.
        await confirm(options.signal);
        return kube.applyStatus(object, options);
      }
      return asRead(refOf(object), options, ({ mustNotExist: _absent, ...guard }) =>
        kube.applyStatus(object, guard),
      );
    },
    create: async (object: KubeObject, options: WriteOptions = {}) => {
      await confirm(options.signal);
      return kube.create(object, options);
    },
    replace: async (object: KubeObject, options: WriteOptions = {}) => {
      await confirm(options.signal);
      return kube.replace(object, options);
    },
    delete: (ref: ObjectRef, options: WriteOptions = {}) =>
      asRead(ref, options, async ({ mustNotExist: _absent, ...guard }, live) =>
        live === null ? false : kube.delete(ref, guard),
      ),
  } satisfies Partial<KubeWriter>;

  return new Proxy(kube, {
    get(target, name) {
      if (name in writes) return writes[name as keyof typeof writes];
      const value = Reflect.get(target, name, target) as unknown;
      return typeof value === 'function' ? value.bind(target) : value;
    },
  });
}

/** The VM knows no Lease and no version: the narrowest that can be had is to confirm right before each command. */
export function fencedSsh(ssh: Ssh, confirm: () => Promise<void>): Ssh {
  const first =
    <A extends unknown[], R>(act: (...args: A) => Promise<R>) =>
    async (...args: A): Promise<R> => {
      await confirm();
      return act(...args);
    };
  return {
    target: ssh.target,
    run: first((...args) => ssh.run(...args)),
    write: first((...args) => ssh.write(...args)),
    upload: first((...args) => ssh.upload(...args)),
    close: () => ssh.close(),
  };
}

function guardOf(options: WriteOptions, version: string | undefined, live: KubeObject | null): WriteOptions {
  if (version === undefined) return { ...options, mustNotExist: true };
  const uid = live?.metadata.uid;
  return { ...options, resourceVersion: version, ...(uid !== undefined && { uid }) };
}

/** Whether an object says by itself that no later engine has written it: one of Meshlift's own that is there. */
function isOfThisOrBefore(live: KubeObject | null, { identity }: Claim): boolean {
  const { annotations, labels } = live?.metadata ?? {};
  return labels?.[migrationLabel] !== undefined && Number(annotations?.[epochAnnotation]) <= identity.epoch;
}

/** Whether this engine wrote an object of Meshlift's own before, and all of it is still there as it is to be now. */
function isStoredSo(live: KubeObject, own: KubeObject): boolean {
  const { apiVersion, kind, metadata, spec, ...more } = own;
  if (metadata.annotations?.[epochAnnotation] === undefined || Object.keys(more).length > 0) return false;
  const has = (part: 'labels' | 'annotations') =>
    Object.entries(metadata[part] ?? {}).every(([key, value]) => live.metadata[part]?.[key] === value);
  return has('labels') && has('annotations') && isAsWritten(live.spec, spec);
}

/** Only what is Meshlift's own carries who wrote it; users' objects stay as they brought them. */
function signed(object: KubeObject, claim: Claim): KubeObject {
  const { annotations, labels } = object.metadata;
  if (labels?.[migrationLabel] === undefined) return object;
  const epoch = { [epochAnnotation]: String(claim.identity.epoch) };
  return { ...object, metadata: { ...object.metadata, annotations: { ...annotations, ...epoch } } };
}
