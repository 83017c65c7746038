import type { KubeObject } from '../effects/kube/port.ts';

interface PodFields {
  readonly status?: {
    readonly phase?: string;
    readonly conditions?: readonly { readonly type: string; readonly status: string }[];
  };
}

/** Whether a pod says of itself that it can serve, and is not on its way out. */
export function isReady(pod: KubeObject): boolean {
  const { conditions = [] } = (pod as PodFields).status ?? {};
  return (
    pod.metadata.deletionTimestamp === undefined &&
    conditions.some(({ type, status }) => type === 'Ready' && status === 'True')
  );
}

/** Whether a pod runs, and is not on its way out. */
export function isRunning(pod: KubeObject): boolean {
  return (pod as PodFields).status?.phase === 'Running' && pod.metadata.deletionTimestamp === undefined;
}
