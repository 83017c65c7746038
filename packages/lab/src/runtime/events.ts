import type {
  ContainerEvent,
  ContainerEventType,
  ContainerStatus,
  PodSandboxStatus,
} from './cri/messages.ts';

export type EventListener = (event: ContainerEvent) => void;

/** Tells everybody who listens what happens to containers and pods, as it happens. */
export class Events {
  readonly #listeners = new Set<EventListener>();

  /** Listens until the signal is aborted. */
  listen(listener: EventListener, signal: AbortSignal): void {
    this.#listeners.add(listener);
    signal.addEventListener('abort', () => this.#listeners.delete(listener), { once: true });
  }

  /**
   * @param containerId the container's, or the pod's where the event is about the pod as a whole
   * @param containers all containers of the pod, as they are now
   */
  tell(
    type: ContainerEventType,
    containerId: string,
    createdAt: string,
    pod: PodSandboxStatus,
    containers: readonly ContainerStatus[],
  ): void {
    const event = {
      containerId,
      containerEventType: type,
      createdAt,
      podSandboxStatus: pod,
      containersStatuses: containers,
    };
    for (const listener of this.#listeners) listener(event);
  }
}
