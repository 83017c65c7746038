import { isMeshliftError, MeshliftError } from '../../errors/error.ts';
import type { CallAnswer, ServiceCall } from '../service-call/port.ts';
import { type Attempt, noAnswer, podRefusal, readStatus, refusal } from './api-errors.ts';
import { type ApiAnswer, type ApiClient, type ApiRequest, apiClient } from './api-request.ts';
import { readAccess } from './kubeconfig.ts';
import { type ManagedField, makingManager, ownedAsApplied, wasMadeOnly } from './managed-fields.ts';
import { refOf } from './object-ref.ts';
import {
  fieldManager,
  type KubeObject,
  type KubeWriter,
  type ListQuery,
  type ObjectRef,
  type PodPort,
  type ServicePort,
  type WriteOptions,
} from './port.ts';
import { type PortForwards, portForwards, TunnelRefused } from './port-forward.ts';
import { type Resource, ResourcePaths, resourcePath } from './resource-paths.ts';

export interface ClusterConnection {
  /** the member cluster's name, for messages */
  readonly name: string;
  /** the kubeconfig's context */
  readonly context: string;
  /** absent: the files of KUBECONFIG, else ~/.kube/config */
  readonly kubeconfigPath?: string;
  /** how long one request may take, milliseconds; 10000 unless given */
  readonly timeoutMs?: number;
}

export interface OpenCluster extends KubeWriter {
  /** drops the kept connections; the process ends without it too */
  close(): void;
}

/** An API server on a busy machine may take seconds; one that is cut off is not worth more. */
const defaultTimeoutMs = 10_000;
const pageSize = 500;

/**
 * Opens a cluster of the kubeconfig. Rejects with `missing-context` when there is no such context; the server itself is
 * first asked by the first request.
 */
export async function openCluster(connection: ClusterConnection): Promise<OpenCluster> {
  const access = await readAccess(connection.context, connection.kubeconfigPath);
  return new RealCluster(connection, apiClient(access, connection.timeoutMs ?? defaultTimeoutMs));
}

class RealCluster implements OpenCluster {
  readonly cluster: string;
  readonly #context: string;
  readonly #timeoutMs: number;
  readonly #api: ApiClient;
  readonly #forwards: PortForwards;
  readonly #paths: ResourcePaths;

  constructor(connection: ClusterConnection, api: ApiClient) {
    this.cluster = connection.name;
    this.#context = connection.context;
    this.#timeoutMs = connection.timeoutMs ?? defaultTimeoutMs;
    this.#api = api;
    this.#forwards = portForwards(api);
    this.#paths = new ResourcePaths((request) =>
      this.#send(request, `read what ${request.path} serves`, [404]),
    );
  }

  close(): void {
    this.#forwards.close();
    this.#api.close();
  }

  async get(ref: ObjectRef, signal?: AbortSignal): Promise<KubeObject | null> {
    const resource = await this.#paths.find(ref.apiVersion, ref.kind, signal);
    if (resource === null) {
      return null;
    }
    const path = resourcePath(ref.apiVersion, resource, ref);
    const answer = await this.#send(request('GET', path, signal), `get ${named(ref)}`, [404]);
    return answer.status === 404 ? null : parseObject(answer);
  }

  async list(query: ListQuery, signal?: AbortSignal): Promise<readonly KubeObject[]> {
    const resource = await this.#paths.find(query.apiVersion, query.kind, signal);
    if (resource === null) {
      return [];
    }
    const found: KubeObject[] = [];
    let page = await this.#page(query, resource, `limit=${pageSize}`, signal);
    while (page !== null) {
      // The items of a list carry no apiVersion and kind of their own.
      found.push(...page.items.map((item) => ({ ...item, apiVersion: query.apiVersion, kind: query.kind })));
      const next = page.metadata?.continue;
      if (!next) return found;
      page = await this.#page(
        query,
        resource,
        `limit=${pageSize}&continue=${encodeURIComponent(next)}`,
        signal,
      );
    }
    // The list grew so old while it was read that the server has forgotten it: once more, whole.
    const whole = await this.#page(query, resource, '', signal);
    return (whole?.items ?? []).map((item) => ({ ...item, apiVersion: query.apiVersion, kind: query.kind }));
  }

  /** null when the server cannot go on with this list (410); nothing of a kind that it does not serve */
  async #page(
    query: ListQuery,
    resource: Resource,
    paging: string,
    signal: AbortSignal | undefined,
  ): Promise<Page | null> {
    const search = new URLSearchParams(paging);
    if (query.labelSelector !== undefined) search.set('labelSelector', query.labelSelector);
    if (query.fieldSelector !== undefined) search.set('fieldSelector', query.fieldSelector);
    const path = `${resourcePath(query.apiVersion, resource, { namespace: query.namespace })}?${search}`;
    const answer = await this.#send(request('GET', path, signal), `list ${query.kind}`, [404, 410]);
    if (answer.status === 404) return { items: [] };
    return answer.status === 200 ? (JSON.parse(answer.body) as Page) : null;
  }

  async serves(apiVersion: string, kind: string, signal?: AbortSignal): Promise<boolean> {
    return (await this.#paths.served(apiVersion, kind, signal)) !== null;
  }

  async version(signal?: AbortSignal): Promise<string> {
    const answer = await this.#send(request('GET', '/version', signal), 'read the version');
    return (JSON.parse(answer.body) as { gitVersion: string }).gitVersion;
  }

  async now(signal?: AbortSignal): Promise<number> {
    const doing = "read the server's time";
    const { date } = await this.#send(request('GET', '/version', signal), doing);
    const start = Date.parse(date ?? '');
    if (!Number.isNaN(start)) return start + 500; // the header drops what is less than a second
    throw new MeshliftError('cluster-refused', {
      where: `${doing} in ${this.cluster}`,
      why: 'its answer has no Date header; a proxy before it may take it away',
      next: `compare it by hand: kubectl --context ${this.#context} get --raw /version -v 8`,
    });
  }

  async podGet(target: PodPort, path: string, signal?: AbortSignal): Promise<string> {
    const proxy = `${podPath(target)}:${target.port}/proxy${path}`;
    const attempt = this.#attempt(`get ${path} of pod ${target.namespace}/${target.pod}:${target.port}`);
    const answer = await this.#ask(request('GET', proxy, signal), attempt);
    if (answer.status >= 200 && answer.status < 300) {
      return answer.body;
    }
    if (answer.status === 401 || answer.status === 403) {
      throw refusal(attempt, answer);
    }
    throw podRefusal(attempt, target, `it answered ${answer.status}: ${said(answer)}`);
  }

  async serviceGet(target: ServicePort, path: string, signal?: AbortSignal): Promise<string> {
    const { namespace, service, port } = target;
    const proxy = `/api/v1/namespaces/${encodeURIComponent(namespace)}/services/${encodeURIComponent(service)}:${port}/proxy${path}`;
    const attempt = this.#attempt(`get ${path.split('?')[0]} of service ${namespace}/${service}:${port}`);
    const answer = await this.#ask(request('GET', proxy, signal), attempt);
    if (answer.status >= 200 && answer.status < 300) {
      return answer.body;
    }
    throw refusal(attempt, answer);
  }

  async forwardedGet(target: PodPort, path: string, signal?: AbortSignal): Promise<string> {
    const attempt = this.#attempt(
      `get localhost:${target.port}${path} in pod ${target.namespace}/${target.pod}`,
    );
    const deadline = AbortSignal.timeout(this.#timeoutMs);
    try {
      const within = signal ? AbortSignal.any([signal, deadline]) : deadline;
      const answer = await this.#forwards.get(target, path, within);
      if (answer.status < 200 || answer.status > 299) {
        throw podRefusal(attempt, target, `it answered ${answer.status}: ${said(answer)}`);
      }
      return answer.body;
    } catch (error) {
      if (error instanceof TunnelRefused) {
        throw tunnelRefusal(attempt, target, error);
      }
      const late = deadline.aborted && !signal?.aborted;
      throw noAnswer(attempt, late ? new Error(`no answer within ${this.#timeoutMs} ms`) : error, signal);
    }
  }

  async forwardedCall(
    target: PodPort,
    call: ServiceCall,
    withinMs: number,
    signal?: AbortSignal,
  ): Promise<CallAnswer> {
    const attempt = this.#attempt(`call localhost:${target.port} in pod ${target.namespace}/${target.pod}`);
    const deadline = AbortSignal.timeout(withinMs);
    const within = signal ? AbortSignal.any([signal, deadline]) : deadline;
    // Only a copy's test makes calls, and HTTP/2 is much to load.
    const { callOverStream } = await import('../service-call/over-stream.ts');
    try {
      return await callOverStream(await this.#forwards.connect(target), call, within);
    } catch (error) {
      if (error instanceof TunnelRefused) throw tunnelRefusal(attempt, target, error);
      const late = deadline.aborted && !signal?.aborted;
      if (late) return { came: 'nothing', why: `no answer within ${withinMs} ms` };
      throw noAnswer(attempt, error, signal);
    }
  }

  async logs(
    pod: { namespace: string; pod: string; container: string },
    lines: number,
    signal?: AbortSignal,
  ): Promise<string> {
    const search = new URLSearchParams({ container: pod.container, tailLines: String(lines) });
    const doing = `read the log of ${pod.container} in pod ${pod.namespace}/${pod.pod}`;
    return (await this.#send(request('GET', `${podPath(pod)}/log?${search}`, signal), doing)).body;
  }

  async may(
    access: { verb: string; group: string; resource: string; subresource?: string; namespace?: string },
    signal?: AbortSignal,
  ): Promise<boolean> {
    const body = {
      apiVersion: 'authorization.k8s.io/v1',
      kind: 'SelfSubjectAccessReview',
      spec: { resourceAttributes: access },
    };
    const path = '/apis/authorization.k8s.io/v1/selfsubjectaccessreviews';
    const answer = await this.#send(
      { ...request('POST', path, signal), body },
      'ask what these credentials may do',
    );
    return (JSON.parse(answer.body) as { status?: { allowed?: boolean } }).status?.allowed === true;
  }

  async apply(object: KubeObject, options: WriteOptions = {}): Promise<KubeObject> {
    if (options.mustNotExist) return this.#applyNew(object, options);
    const stored = await this.#apply(object, '', options);
    // One that was made and not yet owned as applied, because whoever made it was killed in between.
    if (options.dryRun || !wasMadeOnly(stored)) return stored;
    await this.#own(stored, options);
    return this.#apply(object, '', options);
  }

  /**
   * Server-side apply can't be told that there must be no such object, so it is made by a POST, and the fields that
   * this gives to an update are then owned as if they had been applied: otherwise none of them could be taken away by
   * leaving it out.
   */
  async #applyNew(
    object: KubeObject,
    { mustNotExist: _done, ...options }: WriteOptions,
  ): Promise<KubeObject> {
    const made = await this.#create(object, options, makingManager);
    return options.dryRun ? made : this.#own(made, options);
  }

  async #own(made: KubeObject, { signal }: WriteOptions): Promise<KubeObject> {
    for (let live: KubeObject | null = made; live !== null; ) {
      try {
        return await this.#patchFields(live, ownedAsApplied(live), signal);
      } catch (error) {
        // A controller wrote to the new object at once.
        if (!isMeshliftError(error, 'cluster-conflict')) throw error;
        live = await this.get(refOf(made), signal);
      }
    }
    return made;
  }

  /** A patch like the apply itself, so that no other right is needed; refused when the object has another version now. */
  async #patchFields(
    live: KubeObject,
    managedFields: readonly ManagedField[],
    signal: AbortSignal | undefined,
  ): Promise<KubeObject> {
    const path = `${await this.#pathTo(live, signal)}?${query({})}`;
    const body = [
      { op: 'replace', path: '/metadata/managedFields', value: managedFields },
      { op: 'replace', path: '/metadata/resourceVersion', value: live.metadata.resourceVersion },
    ];
    const sent = { ...request('PATCH', path, signal), body, contentType: 'application/json-patch+json' };
    return parseObject(await this.#send(sent, `own the fields of ${named(refOf(live))}`));
  }

  applyStatus(object: KubeObject, options: WriteOptions = {}): Promise<KubeObject> {
    return this.#apply(object, '/status', options);
  }

  async #apply(object: KubeObject, subresource: string, options: WriteOptions): Promise<KubeObject> {
    const path = `${await this.#pathTo(object, options.signal)}${subresource}`;
    const search = query(options, { force: 'true' });
    const sent = {
      ...request('PATCH', `${path}?${search}`, options.signal),
      body: guarded(object, options),
      contentType: 'application/apply-patch+yaml', // JSON is YAML
    };
    return this.#write(object, sent, `apply ${named(refOf(object))}${subresource}`);
  }

  create(object: KubeObject, options: WriteOptions = {}): Promise<KubeObject> {
    return this.#create(object, options, fieldManager);
  }

  async #create(object: KubeObject, options: WriteOptions, manager: string): Promise<KubeObject> {
    const resource = await this.#resource(object, options.signal);
    const path = resourcePath(object.apiVersion, resource, { namespace: object.metadata.namespace });
    const search = query(options, { fieldManager: manager });
    const sent = { ...request('POST', `${path}?${search}`, options.signal), body: object };
    return this.#write(object, sent, `create ${named(refOf(object))}`);
  }

  async replace(object: KubeObject, options: WriteOptions = {}): Promise<KubeObject> {
    const path = await this.#pathTo(object, options.signal);
    const body = guarded(object, options);
    const sent = { ...request('PUT', `${path}?${query(options)}`, options.signal), body };
    return this.#write(object, sent, `replace ${named(refOf(object))}`);
  }

  async delete(ref: ObjectRef, options: WriteOptions = {}): Promise<boolean> {
    const resource = await this.#paths.find(ref.apiVersion, ref.kind, options.signal);
    if (resource === null) {
      return false;
    }
    const path = resourcePath(ref.apiVersion, resource, ref);
    const body = {
      apiVersion: 'v1',
      kind: 'DeleteOptions',
      propagationPolicy: 'Background',
      ...(options.dryRun && { dryRun: ['All'] }),
      ...(options.resourceVersion !== undefined && {
        preconditions: { resourceVersion: options.resourceVersion },
      }),
    };
    const answer = await this.#send(
      { ...request('DELETE', path, options.signal), body },
      `delete ${named(ref)}`,
      [404],
    );
    return answer.status !== 404;
  }

  async createToken(
    account: { namespace: string; name: string },
    audience: string,
    seconds: number,
    signal?: AbortSignal,
  ): Promise<string> {
    const path = `/api/v1/namespaces/${encodeURIComponent(account.namespace)}/serviceaccounts/${encodeURIComponent(account.name)}/token`;
    const body = {
      apiVersion: 'authentication.k8s.io/v1',
      kind: 'TokenRequest',
      spec: { audiences: [audience], expirationSeconds: seconds },
    };
    const doing = `make a token of ServiceAccount ${account.namespace}/${account.name}`;
    const answer = await this.#send({ ...request('POST', path, signal), body }, doing);
    return (JSON.parse(answer.body) as { status: { token: string } }).status.token;
  }

  async #resource(object: KubeObject, signal?: AbortSignal): Promise<Resource> {
    const resource = await this.#paths.find(object.apiVersion, object.kind, signal);
    if (resource !== null) {
      return resource;
    }
    throw this.#notServed(object);
  }

  #notServed(object: KubeObject): MeshliftError {
    return new MeshliftError('cluster-refused', {
      where: `${named(refOf(object))} in ${this.cluster}`,
      why: `the API server does not serve ${object.kind} of ${object.apiVersion}`,
      next: `install what brings this kind; what there is: kubectl --context ${this.#context} api-resources`,
    });
  }

  /** The object as stored. Whether its kind is missing altogether is asked only when something is. */
  async #write(object: KubeObject, sent: ApiRequest, doing: string): Promise<KubeObject> {
    const answer = await this.#send(sent, doing, [404]);
    if (answer.status !== 404) return parseObject(answer);
    const isServed = await this.serves(object.apiVersion, object.kind, sent.signal);
    throw isServed ? refusal(this.#attempt(doing), answer) : this.#notServed(object);
  }

  async #pathTo(object: KubeObject, signal?: AbortSignal): Promise<string> {
    return resourcePath(object.apiVersion, await this.#resource(object, signal), object.metadata);
  }

  async #send(sent: ApiRequest, doing: string, alsoGood: readonly number[] = []): Promise<ApiAnswer> {
    const attempt = this.#attempt(doing);
    const answer = await this.#ask(sent, attempt);
    const good = (answer.status >= 200 && answer.status < 300) || alsoGood.includes(answer.status);
    if (!good) {
      throw refusal(attempt, answer);
    }
    return answer;
  }

  async #ask(sent: ApiRequest, attempt: Attempt): Promise<ApiAnswer> {
    try {
      return await this.#api.send(sent);
    } catch (error) {
      throw noAnswer(attempt, error, sent.signal);
    }
  }

  #attempt(doing: string): Attempt {
    return { cluster: this.cluster, context: this.#context, server: this.#api.address('').href, doing };
  }
}

interface Page {
  readonly items: readonly KubeObject[];
  readonly metadata?: { readonly continue?: string };
}

function request(method: ApiRequest['method'], path: string, signal: AbortSignal | undefined): ApiRequest {
  return { method, path, ...(signal && { signal }) };
}

function query(options: WriteOptions, more: Record<string, string> = {}): URLSearchParams {
  return new URLSearchParams({ fieldManager, ...more, ...(options.dryRun && { dryRun: 'All' }) });
}

/** The object with the resourceVersion and uid that the write depends on; none of its own in one that depends on none. */
function guarded(object: KubeObject, { resourceVersion, uid }: WriteOptions): KubeObject {
  if (resourceVersion === undefined && uid === undefined) return object;
  const guard = {
    ...(resourceVersion !== undefined && { resourceVersion }),
    ...(uid !== undefined && { uid }),
  };
  return { ...object, metadata: { ...object.metadata, ...guard } };
}

function podPath(pod: { readonly namespace: string; readonly pod: string }): string {
  return `/api/v1/namespaces/${encodeURIComponent(pod.namespace)}/pods/${encodeURIComponent(pod.pod)}`;
}

function named({ kind, namespace, name }: ObjectRef): string {
  return `${kind} ${namespace === undefined ? '' : `${namespace}/`}${name}`;
}

function parseObject(answer: ApiAnswer): KubeObject {
  return JSON.parse(answer.body) as KubeObject;
}

function said(answer: ApiAnswer): string {
  return readStatus(answer.body).message ?? (answer.body.trim().slice(0, 300) || 'nothing more');
}

function tunnelRefusal(attempt: Attempt, target: PodPort, error: TunnelRefused): MeshliftError {
  if (error.status === 401 || error.status === 403) {
    return refusal(attempt, { status: error.status, body: error.body });
  }
  const reason = readStatus(error.body).message ?? error.body.trim().slice(0, 300);
  return podRefusal(attempt, target, [error.message, reason].filter(Boolean).join(': '));
}
