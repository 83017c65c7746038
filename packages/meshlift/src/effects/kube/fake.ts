import { isDeepStrictEqual } from 'node:util';
import { MeshliftError } from '../../errors/error.ts';
import type { CallAnswer, ServiceCall } from '../service-call/port.ts';
import { mergeApplied } from './apply-merge.ts';
import type {
  KubeObject,
  KubeWriter,
  ListQuery,
  ObjectRef,
  PodPort,
  ServicePort,
  WriteOptions,
} from './port.ts';
import { matchesFields, matchesLabels } from './selectors.ts';

/** as of KubeReader.forwardedCall */
type CallAnswerer = (target: PodPort, call: ServiceCall, withinMs: number) => Promise<CallAnswer>;

export interface WriteSeen {
  readonly verb: 'create' | 'update' | 'delete';
  readonly object: KubeObject;
}

interface Stored {
  readonly object: KubeObject;
  /** what `meshlift` applied last, and what it applied to the status */
  readonly applied: KubeObject | null;
  readonly appliedStatus: KubeObject | null;
}

type Body = string | (() => string);

/** Kinds without a namespace that tests meet; any other kind has one when its object does. */
const clusterScoped = new Set([
  'Namespace',
  'Node',
  'CustomResourceDefinition',
  'ClusterRole',
  'ClusterRoleBinding',
]);

/**
 * A cluster in memory, behind the same port as a real one and with the semantics that our writes depend on:
 * resourceVersion and its conflicts, generation, server-side apply with field ownership, dry run, deletion of what is
 * owned, selectors. Nobody acts in it: controllers, if a test needs them, are `onWrite` listeners.
 */
export class FakeCluster implements KubeWriter {
  readonly cluster: string;
  readonly #objects = new Map<string, Stored>();
  readonly #bodies = new Map<string, Body>();
  readonly #logs = new Map<string, string>();
  readonly #missingKinds = new Set<string>();
  readonly #forbidden = new Set<string>();
  readonly #listeners: ((write: WriteSeen) => void)[] = [];
  readonly #now: () => number;
  #answerCall: CallAnswerer = async () => ({ came: 'nothing', why: 'nobody listens there' });
  #version = 0;

  constructor(
    cluster: string,
    objects: readonly KubeObject[] = [],
    options: { readonly now?: () => number } = {},
  ) {
    this.cluster = cluster;
    this.#now = options.now ?? (() => Date.UTC(2026, 0, 1));
    const namespaces = [
      'default',
      'kube-system',
      'istio-system',
      ...objects.flatMap((it) => it.metadata.namespace ?? []),
    ];
    for (const name of new Set(namespaces))
      this.put({ apiVersion: 'v1', kind: 'Namespace', metadata: { name } });
    for (const object of objects) this.put(object);
  }

  // What a test arranges and looks at.

  /** everything that is stored, for asserting the state of the world */
  objects(): readonly KubeObject[] {
    return [...this.#objects.values()].map(({ object }) => structuredClone(object));
  }

  /** stores an object as somebody else would, status included, over what is there */
  put(object: KubeObject): KubeObject {
    const before = this.#objects.get(keyOf(object));
    return this.#store(object, before ?? { applied: null, appliedStatus: null }, {});
  }

  /** called after every write that changed something; what it writes itself is told as well */
  onWrite(listener: (write: WriteSeen) => void): void {
    this.#listeners.push(listener);
  }

  /** what podGet and forwardedGet of this pod's port answer */
  serve(target: PodPort, path: string, body: Body): void {
    this.#bodies.set(bodyKey(target, path), body);
  }

  /** what forwardedCall of any pod's port answers */
  answerCalls(answer: CallAnswerer): void {
    this.#answerCall = answer;
  }

  setLogs(pod: { namespace: string; pod: string; container: string }, text: string): void {
    this.#logs.set(`${pod.namespace}/${pod.pod}/${pod.container}`, text);
  }

  /** as on a cluster where the kind's definition is not installed */
  uninstall(apiVersion: string, kind: string): void {
    this.#missingKinds.add(`${apiVersion}/${kind}`);
  }

  /** `may` answers no for this verb and resource (its plural) */
  forbid(verb: string, resource: string): void {
    this.#forbidden.add(`${verb} ${resource}`);
  }

  // KubeReader

  async get(ref: ObjectRef): Promise<KubeObject | null> {
    return structuredClone(this.#objects.get(keyOfRef(ref))?.object ?? null);
  }

  async list(query: ListQuery): Promise<readonly KubeObject[]> {
    return this.objects().filter(
      (object) =>
        groupOf(object.apiVersion) === groupOf(query.apiVersion) &&
        object.kind === query.kind &&
        (query.namespace === undefined || object.metadata.namespace === query.namespace) &&
        matchesLabels(query.labelSelector, object.metadata.labels) &&
        matchesFields(query.fieldSelector, object),
    );
  }

  async serves(apiVersion: string, kind: string): Promise<boolean> {
    return !this.#missingKinds.has(`${apiVersion}/${kind}`);
  }

  async version(): Promise<string> {
    return 'v1.36.3';
  }

  async now(): Promise<number> {
    return this.#now();
  }

  async podGet(target: PodPort, path: string): Promise<string> {
    const body = this.#bodies.get(bodyKey(target, path));
    if (body !== undefined) return typeof body === 'string' ? body : body();
    throw this.#refused(
      `get ${path} of pod ${target.namespace}/${target.pod}:${target.port}`,
      'nothing is served there',
    );
  }

  async serviceGet(target: ServicePort, path: string): Promise<string> {
    return this.podGet({ namespace: target.namespace, pod: target.service, port: target.port }, path);
  }

  forwardedGet(target: PodPort, path: string): Promise<string> {
    return this.podGet(target, path);
  }

  forwardedCall(target: PodPort, call: ServiceCall, withinMs: number): Promise<CallAnswer> {
    return this.#answerCall(target, call, withinMs);
  }

  async logs(pod: { namespace: string; pod: string; container: string }, lines: number): Promise<string> {
    const text = this.#logs.get(`${pod.namespace}/${pod.pod}/${pod.container}`);
    if (text === undefined)
      throw this.#refused(`read the log of pod ${pod.namespace}/${pod.pod}`, 'pod not found');
    return text.split('\n').slice(-lines).join('\n');
  }

  async may(access: { verb: string; resource: string }): Promise<boolean> {
    return !this.#forbidden.has(`${access.verb} ${access.resource}`);
  }

  // KubeWriter

  async apply(object: KubeObject, options: WriteOptions = {}): Promise<KubeObject> {
    const { status: _status, ...applied } = structuredClone(object);
    const before = this.#objects.get(keyOf(object));
    // As a real server: an apply makes what is not there, whatever version it was meant for, unless it names the object.
    const expected = before && expectedVersion(object, options);
    this.#guard(`apply ${named(object)}`, object, before, expected);
    if (options.uid !== undefined && before?.object.metadata.uid !== options.uid)
      throw this.#conflict(`apply ${named(object)}`, 'it is another object, or none');
    if (options.mustNotExist && before) throw this.#conflict(`apply ${named(object)}`, 'it exists already');
    const fields = withoutVersion(applied as KubeObject);
    const merged = mergeApplied(before?.object ?? {}, before?.applied ?? {}, fields) as KubeObject;
    return this.#store(merged, { applied: fields, appliedStatus: before?.appliedStatus ?? null }, options);
  }

  async applyStatus(object: KubeObject, options: WriteOptions = {}): Promise<KubeObject> {
    const before = this.#objects.get(keyOf(object));
    if (before === undefined) throw this.#refused(`apply ${named(object)}/status`, 'not found');
    this.#guard(`apply ${named(object)}/status`, object, before, options.resourceVersion);
    const status = { status: structuredClone(object.status) ?? {} };
    const merged = mergeApplied(before.object, before.appliedStatus ?? {}, status) as KubeObject;
    return this.#store(merged, { ...before, appliedStatus: status as unknown as KubeObject }, options);
  }

  async create(object: KubeObject, options: WriteOptions = {}): Promise<KubeObject> {
    const before = this.#objects.get(keyOf(object));
    if (before !== undefined) throw this.#conflict(`create ${named(object)}`, 'it exists already');
    this.#guard(`create ${named(object)}`, object, undefined, undefined);
    return this.#store(structuredClone(object), { applied: null, appliedStatus: null }, options);
  }

  async replace(object: KubeObject, options: WriteOptions = {}): Promise<KubeObject> {
    const before = this.#objects.get(keyOf(object));
    if (before === undefined) throw this.#refused(`replace ${named(object)}`, 'not found');
    this.#guard(`replace ${named(object)}`, object, before, expectedVersion(object, options));
    const status = before.object.status;
    const replaced = { ...structuredClone(object), ...(status !== undefined && { status }) };
    return this.#store(replaced, before, options);
  }

  async delete(ref: ObjectRef, options: WriteOptions = {}): Promise<boolean> {
    const before = this.#objects.get(keyOfRef(ref));
    if (before === undefined) return false;
    this.#guard(`delete ${named(before.object)}`, before.object, before, options.resourceVersion);
    if (!options.dryRun) this.#remove(before.object);
    return true;
  }

  async createToken(account: { namespace: string; name: string }, audience: string): Promise<string> {
    const found = await this.get({ apiVersion: 'v1', kind: 'ServiceAccount', ...account });
    if (found !== null) return `token of ${account.namespace}/${account.name} for ${audience}`;
    throw this.#refused(`make a token of ServiceAccount ${account.namespace}/${account.name}`, 'not found');
  }

  #store(object: KubeObject, rest: Omit<Stored, 'object'>, { dryRun }: WriteOptions): KubeObject {
    const before = this.#objects.get(keyOf(object))?.object;
    const unchanged = before !== undefined && isDeepStrictEqual(stable(before), stable(object));
    if (unchanged && before) {
      if (!dryRun) this.#objects.set(keyOf(object), { ...rest, object: before });
      return structuredClone(before);
    }
    const specChanged = before === undefined || !isDeepStrictEqual(desired(before), desired(object));
    const stored: KubeObject = {
      ...structuredClone(object),
      metadata: {
        ...structuredClone(object.metadata),
        uid: before?.metadata.uid ?? object.metadata.uid ?? `uid-${this.cluster}-${this.#version + 1}`,
        creationTimestamp: before?.metadata.creationTimestamp ?? new Date(this.#now()).toISOString(),
        generation: (before?.metadata.generation ?? 0) + (specChanged ? 1 : 0),
        resourceVersion: String(this.#version + 1),
      },
    };
    if (dryRun) return stored;
    this.#version += 1;
    this.#objects.set(keyOf(stored), { ...rest, object: stored });
    this.#tell({ verb: before === undefined ? 'create' : 'update', object: stored });
    return structuredClone(stored);
  }

  #remove(object: KubeObject): void {
    this.#version += 1;
    this.#objects.delete(keyOf(object));
    this.#tell({ verb: 'delete', object });
    const orphans = [...this.#objects.values()].filter(({ object: { metadata } }) =>
      object.kind === 'Namespace'
        ? metadata.namespace === object.metadata.name
        : metadata.ownerReferences?.some(({ uid }) => uid === object.metadata.uid),
    );
    for (const orphan of orphans) {
      if (this.#objects.has(keyOf(orphan.object))) this.#remove(orphan.object);
    }
  }

  #tell(write: WriteSeen): void {
    for (const listener of this.#listeners) listener(structuredClone(write));
  }

  #guard(doing: string, object: KubeObject, before: Stored | undefined, expected: string | undefined): void {
    if (this.#missingKinds.has(`${object.apiVersion}/${object.kind}`)) {
      throw this.#refused(doing, `the API server does not serve ${object.kind} of ${object.apiVersion}`);
    }
    const { namespace } = object.metadata;
    if (namespace !== undefined && !this.#objects.has(`/Namespace//${namespace}`)) {
      throw this.#refused(doing, `namespaces "${namespace}" not found`);
    }
    if (expected !== undefined && before?.object.metadata.resourceVersion !== expected) {
      throw this.#conflict(
        doing,
        'the object has been modified; please apply your changes to the latest version',
      );
    }
  }

  #refused(doing: string, why: string): MeshliftError {
    return new MeshliftError('cluster-refused', {
      where: `${doing} in ${this.cluster}`,
      why,
      next: 'arrange it in the test',
    });
  }

  #conflict(doing: string, why: string): MeshliftError {
    return new MeshliftError('cluster-conflict', {
      where: `${doing} in ${this.cluster}`,
      why,
      next: 'read the object again and repeat',
    });
  }
}

function expectedVersion(object: KubeObject, { resourceVersion }: WriteOptions): string | undefined {
  return resourceVersion ?? object.metadata.resourceVersion;
}

function groupOf(apiVersion: string): string {
  return apiVersion.includes('/') ? (apiVersion.split('/')[0] ?? '') : '';
}

/** All versions of a group show the same objects. */
function keyOfRef({ apiVersion, kind, namespace, name }: ObjectRef): string {
  return `${groupOf(apiVersion)}/${kind}/${clusterScoped.has(kind) ? '' : (namespace ?? '')}/${name}`;
}

function keyOf({ apiVersion, kind, metadata }: KubeObject): string {
  const { namespace, name } = metadata;
  return keyOfRef({ apiVersion, kind, name, ...(namespace !== undefined && { namespace }) });
}

function named({ kind, metadata: { namespace, name } }: KubeObject): string {
  return `${kind} ${namespace === undefined ? '' : `${namespace}/`}${name}`;
}

function bodyKey({ namespace, pod, port }: PodPort, path: string): string {
  return `${namespace}/${pod}:${port}${path}`;
}

function withoutVersion(object: KubeObject): KubeObject {
  const {
    resourceVersion: _version,
    uid: _uid,
    generation: _generation,
    managedFields: _fields,
    ...metadata
  } = object.metadata;
  return { ...object, metadata };
}

/** The object without what the server itself keeps. */
function stable(object: KubeObject): unknown {
  const { creationTimestamp: _created, ...metadata } = withoutVersion(object).metadata;
  return { ...object, metadata };
}

/** What its writer wants of it: neither metadata nor status. */
function desired({ metadata: _metadata, status: _status, ...rest }: KubeObject): unknown {
  return rest;
}
