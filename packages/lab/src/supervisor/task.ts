/** One piece of work that ends, such as applying manifests; what comes `after` it waits for its end. */
export interface Task {
  /** e.g. `cluster1/istio-manifests`; shares the components' name space. */
  readonly name: string;
  readonly after?: readonly string[];
  /** A rejection fails the whole boot. `waitingFor` says what the task waits for at the moment. */
  readonly run: (signal: AbortSignal, waitingFor: (what: string) => void) => Promise<void>;
}
