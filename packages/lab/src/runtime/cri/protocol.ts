import type { handleUnaryCall, UntypedServiceImplementation } from '@grpc/grpc-js';
import { loadPackageDefinition, Metadata, type ServiceDefinition, status } from '@grpc/grpc-js';
import { loadSync } from '@grpc/proto-loader';

/** A call that is refused: what the kubelet shows in events and statuses. */
export class CallError extends Error {
  override readonly name = 'CallError';
  readonly code: status;

  constructor(code: status, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }

  static notFound(what: string, id: string): CallError {
    return new CallError(status.NOT_FOUND, `${what} "${id}" does not exist`);
  }

  static deadlineExceeded(message: string): CallError {
    return new CallError(status.DEADLINE_EXCEEDED, message);
  }

  static unsupported(message: string): CallError {
    return new CallError(status.INVALID_ARGUMENT, message);
  }
}

export type Handler<Request, Response> = (request: Request) => Promise<Response> | Response;

/** The handlers of calls with one answer, by the calls' names. */
// biome-ignore lint/suspicious/noExplicitAny: each call has its own messages, which only its handler knows
export type Handlers = Readonly<Record<string, Handler<any, unknown>>>;

/** Where the kubelet's own mistakes and ours are written. */
export type ReportFailure = (call: string, error: unknown) => void;

/** The services `runtime.v1.RuntimeService` and `…ImageService` as the interface's proto file defines them. */
export function loadServices(protoFile: string): {
  readonly runtime: ServiceDefinition;
  readonly images: ServiceDefinition;
} {
  const definition = loadSync(protoFile, {
    longs: String,
    enums: String,
    defaults: true,
    arrays: true,
    objects: true,
  });
  const loaded = loadPackageDefinition(definition) as unknown as {
    readonly runtime: {
      readonly v1: Record<'RuntimeService' | 'ImageService', { readonly service: ServiceDefinition }>;
    };
  };
  return {
    runtime: loaded.runtime.v1.RuntimeService.service,
    images: loaded.runtime.v1.ImageService.service,
  };
}

/** Makes handlers what @grpc/grpc-js serves. Calls without a handler answer UNIMPLEMENTED, which the library does. */
export function implementation(handlers: Handlers, report: ReportFailure): UntypedServiceImplementation {
  const served: UntypedServiceImplementation = {};
  for (const [name, handler] of Object.entries(handlers)) served[name] = unary(name, handler, report);
  return served;
}

function unary(
  name: string,
  handler: Handler<unknown, unknown>,
  report: ReportFailure,
): handleUnaryCall<unknown, unknown> {
  return (call, answer) => {
    Promise.resolve()
      .then(() => handler(call.request))
      .then(
        (response) => answer(null, response),
        (error: unknown) => {
          if (!(error instanceof CallError)) report(name, error);
          answer({
            code: error instanceof CallError ? error.code : status.INTERNAL,
            details: error instanceof Error ? error.message : String(error),
            metadata: new Metadata(),
          });
        },
      );
  };
}
