import type { DescMethodUnary, DescService, MessageInitShape, MessageShape } from '@bufbuild/protobuf';
import {
  Client as Channel,
  type ChannelOptions,
  credentials,
  Metadata,
  type ServiceError,
  status,
} from '@grpc/grpc-js';
import type { Log } from '../process/log.ts';
import { methodDefinition } from './method-definition.ts';
import { Outage } from './outage.ts';
import type { Propagated } from './propagation.ts';
import { RpcError } from './rpc-error.ts';

/** What a call belongs to. A handler passes on its own {@link IncomingCall}, which fits. */
export interface CallContext {
  readonly propagated?: Propagated | undefined;
  /** The call never outlives this, nor the client's own timeout. */
  readonly deadline?: Date | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** A message and the response metadata that came with it, keys in lower case. */
export interface Answer<T> {
  readonly message: T;
  readonly headers: ReadonlyMap<string, string>;
}

/** One function for each unary method. It rejects with {@link RpcError} and nothing else. */
export type RpcClient<S extends DescService> = {
  readonly [M in keyof S['method']]: S['method'][M] extends DescMethodUnary<infer Input, infer Output>
    ? (request: MessageInitShape<Input>, context?: CallContext) => Promise<Answer<MessageShape<Output>>>
    : never;
} & { close(): void };

/**
 * Every call is made once and fails at once when the other side is away: a lost request has to be seen, not hidden
 * by a client that tries again. The connection itself is re-made quickly, so that a caller heals by itself.
 */
const CHANNEL_OPTIONS: ChannelOptions = {
  'grpc.enable_retries': 0,
  'grpc.service_config_disable_resolution': 1,
  'grpc.enable_http_proxy': 0,
  'grpc.initial_reconnect_backoff_ms': 100,
  'grpc.max_reconnect_backoff_ms': 1000,
  'grpc.dns_min_time_between_resolutions_ms': 1000,
};

export const DEFAULT_TIMEOUT_MS = 5000;

export interface ClientOptions {
  /** `host:port`; the host is looked up by the system's resolver. */
  readonly address: string;
  readonly log: Log;
  readonly timeoutMs?: number;
}

/** Connects to a service when first called. Never throws for an address that does not answer: its calls reject. */
export function connect<S extends DescService>(service: S, options: ClientOptions): RpcClient<S> {
  const { address, log, timeoutMs = DEFAULT_TIMEOUT_MS } = options;
  const channel = new Channel(address, credentials.createInsecure(), CHANNEL_OPTIONS);
  const outage = new Outage(`${service.name} at ${address}`, log);
  const methods = service.methods.map((method) => {
    const { path, requestSerialize, responseDeserialize } = methodDefinition(method);
    const call = (request: object, context: CallContext = {}): Promise<Answer<object>> =>
      new Promise((resolve, reject) => {
        let headers: ReadonlyMap<string, string> = new Map();
        const running = channel.makeUnaryRequest(
          path,
          requestSerialize,
          responseDeserialize,
          request,
          outgoing(context.propagated),
          { deadline: deadline(timeoutMs, context.deadline) },
          (error, message) => {
            context.signal?.removeEventListener('abort', abort);
            if (error !== null) {
              const failure = rpcError(error, headers);
              outage.failed(failure);
              reject(failure);
            } else if (message === undefined) {
              reject(new RpcError(status.INTERNAL, `${path} answered with neither a message nor an error`));
            } else {
              outage.answered();
              resolve({ message, headers });
            }
          },
        );
        const abort = (): void => running.cancel();
        running.on('metadata', (metadata) => {
          headers = plain(metadata);
        });
        if (context.signal?.aborted) abort();
        else context.signal?.addEventListener('abort', abort, { once: true });
      });
    return [method.localName, call] as const;
  });
  return { ...Object.fromEntries(methods), close: () => channel.close() } as RpcClient<S>;
}

function deadline(timeoutMs: number, callers: Date | undefined): number {
  const own = Date.now() + timeoutMs;
  const inherited = callers?.getTime();
  return inherited !== undefined && inherited < own ? inherited : own;
}

function outgoing(headers: Propagated | undefined): Metadata {
  const metadata = new Metadata({ waitForReady: false });
  for (const [name, value] of headers ?? []) metadata.set(name, value);
  return metadata;
}

function plain(metadata: Metadata): Map<string, string> {
  const headers = new Map<string, string>();
  for (const [name, value] of Object.entries(metadata.getMap())) headers.set(name, value.toString());
  return headers;
}

function rpcError(error: ServiceError, headers: ReadonlyMap<string, string>): RpcError {
  const trailers = error.metadata === undefined ? new Map<string, string>() : plain(error.metadata);
  return new RpcError(error.code, error.details, new Map([...headers, ...trailers]));
}
