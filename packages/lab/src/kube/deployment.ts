import { type ApiClient, ApiError } from './api-client.ts';

interface Condition {
  readonly type: string;
  readonly status: string;
  readonly message?: string;
}

/** What keeps a Deployment from being available, in words; null when one of its pods is. */
export async function deploymentMissing(
  api: ApiClient,
  namespace: string,
  name: string,
  signal: AbortSignal,
): Promise<string | null> {
  try {
    const { status } = await api.get<{ status?: { availableReplicas?: number; conditions?: Condition[] } }>(
      `/apis/apps/v1/namespaces/${namespace}/deployments/${name}`,
      signal,
    );
    if ((status?.availableReplicas ?? 0) > 0) return null;
    const failure = status?.conditions?.find(({ type }) => type === 'ReplicaFailure')?.message;
    return failure ? `${name}: ${failure}` : `pod of ${name} to be ready`;
  } catch (error) {
    if (error instanceof ApiError && error.status === 404) return `Deployment ${name} to exist`;
    throw error;
  }
}
