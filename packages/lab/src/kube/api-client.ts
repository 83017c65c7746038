import type { IncomingMessage } from 'node:http';
import { Agent, request } from 'node:https';

/** Any Kubernetes object, as far as the lab needs to know it. */
export interface KubeObject {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: {
    readonly name: string;
    readonly namespace?: string;
    readonly labels?: Readonly<Record<string, string>>;
    readonly annotations?: Readonly<Record<string, string>>;
    readonly resourceVersion?: string;
  };
  readonly [field: string]: unknown;
}

export type WatchEvent<T extends KubeObject> =
  | { readonly type: 'LISTED'; readonly objects: readonly T[] }
  | { readonly type: 'ADDED' | 'MODIFIED' | 'DELETED'; readonly object: T };

export interface ApiAccess {
  /** e.g. `https://10.10.1.10:6443` */
  readonly server: string;
  readonly ca: string;
  readonly cert: string;
  readonly key: string;
}

/** The API server refused; `message` is its own sentence. */
export class ApiError extends Error {
  readonly status: number;
  constructor(status: number, method: string, path: string, message: string) {
    super(`${method} ${path}: ${message} (HTTP ${status})`);
    this.status = status;
  }
}

class NoAnswer extends Error {}

/** No answer, not even headers, within this time is an error: a cut link must not hang the lab. */
const REQUEST_TIMEOUT_MS = 30_000;
/** Long enough for an API server that shares two busy cores with everything that is starting. */
const PATIENCE_MS = 120_000;
const RETRY_MS = 250;
const PARALLEL_WRITES = 12;
/** Server-side apply's name for what the lab itself put into its clusters. */
const FIELD_MANAGER = 'meshlift-lab';

/**
 * The few calls the lab makes to its own API servers. The official client takes 130 MB and half a second
 * of both cores to load, in a process that has to be up before anything else can start.
 */
export class ApiClient {
  readonly #access: ApiAccess;
  readonly #agent: Agent;
  readonly #resources = new Map<string, Promise<Map<string, ApiResource>>>();

  constructor(access: ApiAccess) {
    this.#access = access;
    this.#agent = new Agent({
      ca: access.ca,
      cert: access.cert,
      key: access.key,
      keepAlive: true,
      maxSockets: PARALLEL_WRITES + 4,
    });
  }

  get<T>(path: string, signal?: AbortSignal): Promise<T> {
    return this.#json<T>('GET', path, { signal });
  }

  post<T>(path: string, body: unknown, signal?: AbortSignal): Promise<T> {
    return this.#json<T>('POST', path, { body, contentType: 'application/json', signal });
  }

  delete(path: string, signal?: AbortSignal): Promise<unknown> {
    return this.#json('DELETE', path, { signal });
  }

  /** JSON merge patch. */
  merge<T>(path: string, body: unknown, signal?: AbortSignal): Promise<T> {
    return this.#json<T>('PATCH', path, { body, contentType: 'application/merge-patch+json', signal });
  }

  /** Server-side apply of one object, whose kind must be served; tried again while the server is only too busy. */
  async apply(object: KubeObject, signal?: AbortSignal): Promise<void> {
    await patiently(signal, async () => {
      const path = await this.#pathOf(object, signal);
      await this.#json('PATCH', `${path}?fieldManager=${FIELD_MANAGER}&force=true`, {
        body: object,
        contentType: 'application/apply-patch+yaml',
        signal,
      });
    });
  }

  /** Server-side apply of an object that is at hand as YAML, to the path of its own. */
  async applyYaml(path: string, yaml: string, signal?: AbortSignal): Promise<void> {
    await patiently(signal, () =>
      this.#json('PATCH', `${path}?fieldManager=${FIELD_MANAGER}&force=true`, {
        text: yaml,
        contentType: 'application/apply-patch+yaml',
        signal,
      }),
    );
  }

  /** Server-side apply of many objects at once, none of which may depend on another's being there. */
  async applyAll(objects: readonly KubeObject[], signal?: AbortSignal): Promise<void> {
    const queue = [...objects];
    const worker = async () => {
      for (let next = queue.shift(); next; next = queue.shift()) await this.apply(next, signal);
    };
    await Promise.all(Array.from({ length: PARALLEL_WRITES }, worker));
  }

  /** Whether objects of this kind can be written: a definition is served a moment after it is made. */
  async serves(apiVersion: string, kind: string, signal?: AbortSignal): Promise<boolean> {
    try {
      return (await this.#discover(groupPath(apiVersion), kind, signal)).has(kind);
    } catch (error) {
      if (error instanceof ApiError && error.status === 404) return false;
      throw error;
    }
  }

  /**
   * A collection as it is (`LISTED`, once), and every change from then on, until the server ends the watch or
   * the signal aborts.
   */
  async *watch<T extends KubeObject>(path: string, signal: AbortSignal): AsyncGenerator<WatchEvent<T>> {
    const list = await this.get<{ metadata: { resourceVersion: string }; items: T[] }>(path, signal);
    yield { type: 'LISTED', objects: list.items };
    const response = await this.#send(
      'GET',
      `${path}?watch=1&resourceVersion=${list.metadata.resourceVersion}`,
      {
        signal,
        streaming: true,
      },
    );
    if (response.statusCode !== 200) throw await refusal(response, 'GET', path);
    for await (const line of linesOf(response)) {
      const event = JSON.parse(line) as { type: string; object: T };
      if (event.type === 'ADDED' || event.type === 'MODIFIED' || event.type === 'DELETED') {
        yield { type: event.type, object: event.object };
      } else if (event.type === 'ERROR') {
        return;
      }
    }
  }

  close(): void {
    this.#agent.destroy();
  }

  async #pathOf({ apiVersion, kind, metadata }: KubeObject, signal?: AbortSignal): Promise<string> {
    const base = groupPath(apiVersion);
    const resource = (await this.#discover(base, kind, signal)).get(kind);
    if (!resource)
      throw new Error(`the API server does not serve ${apiVersion} ${kind} (needed for ${metadata.name})`);
    const namespace = resource.namespaced ? `/namespaces/${metadata.namespace ?? 'default'}` : '';
    return `${base}${namespace}/${resource.name}/${encodeURIComponent(metadata.name)}`;
  }

  /** What a group serves, remembered; asked again when a kind is missing, for its definition may be new. */
  async #discover(base: string, kind: string, signal?: AbortSignal): Promise<Map<string, ApiResource>> {
    const known = await this.#resources.get(base)?.catch(() => undefined);
    if (known?.has(kind)) return known;
    const asked = this.get<{ resources: ApiResource[] }>(base, signal).then(
      ({ resources }) =>
        new Map(resources.filter(({ name }) => !name.includes('/')).map((found) => [found.kind, found])),
    );
    this.#resources.set(base, asked);
    return asked;
  }

  async #json<T>(method: string, path: string, options: SendOptions): Promise<T> {
    const response = await this.#send(method, path, options);
    if ((response.statusCode ?? 0) >= 300) throw await refusal(response, method, path);
    return JSON.parse(await textOf(response)) as T;
  }

  #send(method: string, path: string, options: SendOptions): Promise<IncomingMessage> {
    return new Promise((resolve, reject) => {
      const body = options.text ?? (options.body === undefined ? undefined : JSON.stringify(options.body));
      const outgoing = request(
        `${this.#access.server}${path}`,
        {
          method,
          agent: this.#agent,
          ...(options.signal ? { signal: options.signal } : {}),
          headers: {
            accept: 'application/json',
            ...(body === undefined
              ? {}
              : { 'content-type': options.contentType, 'content-length': Buffer.byteLength(body) }),
          },
        },
        (response) => {
          if (options.streaming) outgoing.setTimeout(0);
          resolve(response);
        },
      );
      outgoing.setTimeout(REQUEST_TIMEOUT_MS, () =>
        outgoing.destroy(
          new NoAnswer(`${this.#access.server} did not answer within ${REQUEST_TIMEOUT_MS / 1000} s`),
        ),
      );
      outgoing.on('error', reject);
      outgoing.end(body);
    });
  }
}

function groupPath(apiVersion: string): string {
  return apiVersion.includes('/') ? `/apis/${apiVersion}` : `/api/${apiVersion}`;
}

interface SendOptions {
  readonly body?: unknown;
  /** Sent as it is, in place of `body`. */
  readonly text?: string;
  readonly contentType?: string | undefined;
  readonly signal?: AbortSignal | undefined;
  readonly streaming?: boolean;
}

interface ApiResource {
  readonly name: string;
  readonly kind: string;
  readonly namespaced: boolean;
}

/** Repeats what can be repeated while the server does not answer, or answers that it cannot just now. */
async function patiently(signal: AbortSignal | undefined, work: () => Promise<unknown>): Promise<void> {
  const deadline = performance.now() + PATIENCE_MS;
  for (;;) {
    try {
      await work();
      return;
    } catch (error) {
      const refused = error instanceof ApiError && error.status < 500 && error.status !== 429;
      if (refused || !(error instanceof ApiError || isNoAnswer(error))) throw error;
      if (signal?.aborted || performance.now() > deadline) throw error;
      await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
    }
  }
}

/** The connection failed or stayed silent, as opposed to a mistake of ours. */
function isNoAnswer(error: unknown): boolean {
  return error instanceof NoAnswer || typeof (error as NodeJS.ErrnoException).code === 'string';
}

async function refusal(response: IncomingMessage, method: string, path: string): Promise<ApiError> {
  const text = await textOf(response);
  let message = text.trim();
  try {
    message = (JSON.parse(text) as { message?: string }).message ?? message;
  } catch {
    // Not a Status object: proxies and health endpoints answer in plain text, which says it as well.
  }
  return new ApiError(response.statusCode ?? 0, method, path, message);
}

async function textOf(response: IncomingMessage): Promise<string> {
  response.setEncoding('utf8');
  let text = '';
  for await (const chunk of response) text += chunk;
  return text;
}

async function* linesOf(response: IncomingMessage): AsyncGenerator<string> {
  response.setEncoding('utf8');
  let rest = '';
  for await (const chunk of response) {
    const parts = (rest + chunk).split('\n');
    rest = parts.pop() ?? '';
    for (const line of parts) if (line) yield line;
  }
}
