import {
  type handleServerStreamingCall,
  type handleUnaryCall,
  type ServerWritableStream,
  type ServiceDefinition,
  status,
  type UntypedServiceImplementation,
} from '@grpc/grpc-js';
import {
  type HealthCheckRequest,
  type HealthCheckResponse,
  Health as HealthService,
  HealthCheckResponse_ServingStatus as ServingStatus,
} from '../wire/generated/grpc/health/v1/health_pb.js';
import { methodDefinition } from './method-definition.ts';

type WireStatus = Pick<HealthCheckResponse, 'status'>;

/** The standard gRPC health service for a process that serves one service: probes ask it, the process sets it. */
export class Health {
  readonly definition: ServiceDefinition = Object.fromEntries(
    HealthService.methods.map((method) => [method.localName, methodDefinition(method)]),
  );
  readonly handlers: UntypedServiceImplementation;
  readonly #serviceName: string;
  readonly #watches = new Set<ServerWritableStream<HealthCheckRequest, WireStatus>>();
  #status = ServingStatus.NOT_SERVING;

  constructor(serviceName: string) {
    this.#serviceName = serviceName;
    const check: handleUnaryCall<HealthCheckRequest, WireStatus> = (call, answer) => {
      if (this.#knows(call.request.service)) answer(null, { status: this.#status });
      else answer({ code: status.NOT_FOUND, details: `this process does not serve ${call.request.service}` });
    };
    const watch: handleServerStreamingCall<HealthCheckRequest, WireStatus> = (call) => {
      if (!this.#knows(call.request.service)) {
        call.write({ status: ServingStatus.SERVICE_UNKNOWN });
        return;
      }
      call.write({ status: this.#status });
      this.#watches.add(call);
      call.on('cancelled', () => this.#watches.delete(call));
    };
    this.handlers = { check, watch };
  }

  get serving(): boolean {
    return this.#status === ServingStatus.SERVING;
  }

  set(to: 'SERVING' | 'NOT_SERVING'): void {
    this.#status = ServingStatus[to];
    for (const watch of this.#watches) watch.write({ status: this.#status });
  }

  /** Ends the streams of Watch, which would otherwise keep a stopping server open. */
  endWatches(): void {
    for (const watch of this.#watches) watch.end();
    this.#watches.clear();
  }

  #knows(service: string): boolean {
    return service === '' || service === this.#serviceName;
  }
}
