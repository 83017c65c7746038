/** Objects of the lab's scenarios, as manifests. */
export const APP = 'example.com/lab-app';
const DEBIAN = 'debian';

type Fields = Readonly<Record<string, unknown>>;

export function namespace(name: string): object {
  return { apiVersion: 'v1', kind: 'Namespace', metadata: { name } };
}

/** A pod with one container, whose name is the pod's. */
export function pod(
  name: string,
  container: Fields,
  options: { namespace?: string; spec?: Fields } = {},
): object {
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name, namespace: options.namespace ?? 'default', labels: { app: name } },
    spec: {
      terminationGracePeriodSeconds: 1,
      ...options.spec,
      containers: [{ name, image: APP, ...container }],
    },
  };
}

/** A pod that does nothing but wait for `kubectl exec`. */
export function bystander(name: string, options: { namespace?: string; spec?: Fields } = {}): object {
  return pod(name, { image: DEBIAN, command: ['sleep', 'infinity'] }, options);
}

export function deployment(
  name: string,
  replicas: number,
  container: Fields,
  inNamespace = 'default',
): object {
  return {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name, namespace: inNamespace },
    spec: {
      replicas,
      selector: { matchLabels: { app: name } },
      template: {
        metadata: { labels: { app: name } },
        spec: {
          terminationGracePeriodSeconds: 1,
          containers: [{ name, image: APP, ...container }],
        },
      },
    },
  };
}

/** A Service of HTTP on port 80, or of plain TCP on its own port, for the pods that are labelled with its name. */
export function service(
  name: string,
  options: { in?: string; type?: 'LoadBalancer'; port?: number; app?: string } = {},
): object {
  const { port, type } = options;
  const ports = [port ? { name: 'tcp', port } : { name: 'http', port: 80, targetPort: 8080 }];
  return {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name, namespace: options.in ?? 'default' },
    spec: { selector: { app: options.app ?? name }, ports, ...(type && { type }) },
  };
}

export function serviceAccount(name: string): object {
  return { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name, namespace: 'default' } };
}
