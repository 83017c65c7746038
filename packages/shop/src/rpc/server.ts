import type { DescMethodUnary, DescService, MessageInitShape, MessageShape } from '@bufbuild/protobuf';
import {
  Metadata,
  Server,
  ServerCredentials,
  type ServerUnaryCall,
  type sendUnaryData,
  status,
  type UntypedServiceImplementation,
} from '@grpc/grpc-js';
import type { Log } from '../process/log.ts';
import { Health } from './health.ts';
import { methodDefinition } from './method-definition.ts';
import { type Propagated, propagated } from './propagation.ts';
import { RpcError } from './rpc-error.ts';

/** What a handler knows about the call that it answers, besides the request. */
export interface IncomingCall {
  /** To be passed on in every call made for this one. */
  readonly propagated: Propagated;
  /** When the caller stops waiting, if it said so. */
  readonly deadline: Date | undefined;
  /** Aborted when the caller is gone. */
  readonly signal: AbortSignal;
  /** Adds response metadata; it reaches the caller with a success and with a failure. */
  answerWith(name: string, value: string): void;
}

/** One async function for each unary method of the service. */
export type Implementation<S extends DescService> = {
  readonly [M in keyof S['method']]: S['method'][M] extends DescMethodUnary<infer Input, infer Output>
    ? (
        request: MessageShape<Input>,
        call: IncomingCall,
      ) => Promise<MessageInitShape<Output>> | MessageInitShape<Output>
    : never;
};

export interface RunningServer {
  /** The port it listens on; useful when port 0 was asked for. */
  readonly port: number;
  readonly health: Health;
  /**
   * Answers health checks with NOT_SERVING, takes no new connections and finishes the calls that run. Whatever
   * still runs after `graceMs` is cut off. Resolves when nothing is left.
   */
  stop(graceMs: number): Promise<void>;
}

/** Serves one gRPC service and the health service on `address` (`host:port`). Rejects if the address cannot be bound. */
export async function serve<S extends DescService>(
  service: S,
  implementation: Implementation<S>,
  { address, log }: { address: string; log: Log },
): Promise<RunningServer> {
  const server = new Server();
  const health = new Health(service.typeName);
  server.addService(health.definition, health.handlers);
  const handlers: UntypedServiceImplementation = {};
  for (const method of service.methods) {
    handlers[method.localName] = unaryHandler(service, method.localName, implementation, log);
  }
  server.addService(
    Object.fromEntries(service.methods.map((method) => [method.localName, methodDefinition(method)])),
    handlers,
  );
  const port = await new Promise<number>((resolve, reject) => {
    server.bindAsync(address, ServerCredentials.createInsecure(), (error, bound) =>
      error === null ? resolve(bound) : reject(new Error(`cannot listen on ${address}: ${error.message}`)),
    );
  });
  health.set('SERVING');
  return {
    port,
    health,
    async stop(graceMs) {
      health.set('NOT_SERVING');
      health.endWatches();
      await new Promise<void>((resolve) => {
        const cutOff = setTimeout(() => {
          log.warning('calls were still running when the grace period ended; cutting them off', { graceMs });
          server.forceShutdown();
          resolve();
        }, graceMs);
        server.tryShutdown(() => {
          clearTimeout(cutOff);
          resolve();
        });
      });
    },
  };
}

type UntypedHandler = (request: object, call: IncomingCall) => Promise<object> | object;

function unaryHandler<S extends DescService>(
  service: S,
  methodName: string,
  implementation: Implementation<S>,
  log: Log,
) {
  const handler = (implementation as Readonly<Record<string, UntypedHandler>>)[methodName];
  if (handler === undefined) throw new Error(`${service.typeName} has no handler for ${methodName}`);
  return (call: ServerUnaryCall<object, object>, answer: sendUnaryData<object>): void => {
    const headers = new Metadata();
    const cancelled = new AbortController();
    let answered = false;
    // Also told of every call that was answered and is over, which is no reason to cancel anything.
    call.on('cancelled', () => {
      if (!answered) cancelled.abort();
    });
    const incoming: IncomingCall = {
      propagated: propagated((name) => call.metadata.get(name)[0]?.toString()),
      deadline: deadlineOf(call),
      signal: cancelled.signal,
      answerWith: (name, value) => headers.set(name, value),
    };
    const started = performance.now();
    const done = (code: status): void =>
      log.debug('call', {
        method: `${service.typeName}/${methodName}`,
        status: status[code],
        ms: Math.round(performance.now() - started),
        requestId: incoming.propagated.get('x-request-id'),
      });
    const succeed = (response: object): void => {
      answered = true;
      call.sendMetadata(headers);
      answer(null, response);
      done(status.OK);
    };
    const fail = (error: unknown): void => {
      answered = true;
      // Failures carry their metadata in the trailers alone: a proxy can only retry an answer whose first frame
      // already holds the status.
      if (error instanceof RpcError) {
        for (const [name, value] of error.headers)
          if (headers.get(name).length === 0) headers.set(name, value);
        answer({ code: error.code, details: withinHeaders(error.message), metadata: headers });
        done(error.code);
        return;
      }
      log.error('a handler failed unexpectedly', {
        method: methodName,
        error: String(error),
        stack: stackOf(error),
      });
      answer({ code: status.INTERNAL, details: 'internal error', metadata: headers });
      done(status.INTERNAL);
    };
    try {
      const result = handler(call.request, incoming);
      if (result instanceof Promise) result.then(succeed, fail);
      else succeed(result);
    } catch (error) {
      fail(error);
    }
  };
}

/** What fits a header with room to spare: a message that repeats what was sent may be as long as that. */
function withinHeaders(message: string): string {
  return message.length > 500 ? `${message.slice(0, 500)}…` : message;
}

function deadlineOf(call: ServerUnaryCall<object, object>): Date | undefined {
  const deadline = Number(call.getDeadline());
  return Number.isFinite(deadline) ? new Date(deadline) : undefined;
}

function stackOf(error: unknown): string | undefined {
  return error instanceof Error ? error.stack : undefined;
}
