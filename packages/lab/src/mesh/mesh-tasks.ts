import { writeFile } from 'node:fs/promises';
import { parseAllDocuments, stringify } from 'yaml';
import { type ClusterFiles, serverUrl } from '../cluster/cluster-files.ts';
import { clusterTask } from '../cluster/cluster-tasks.ts';
import { componentName, type PartPath } from '../cluster/control-plane.ts';
import type { ApiClient, KubeObject } from '../kube/api-client.ts';
import { deploymentMissing } from '../kube/deployment.ts';
import type { ClusterPlan } from '../plan/lab-plan.ts';
import { runProgram } from '../supervisor/run-program.ts';
import type { Task } from '../supervisor/task.ts';
import { until } from '../supervisor/until.ts';
import { exposure, strictMutualTls } from './exposure.ts';
import { EAST_WEST_GATEWAY, INGRESS_GATEWAY, istioOperator } from './istio-operator.ts';
import { type IstioManifests, sortManifests } from './manifests.ts';
import { ISTIO_NAMESPACE } from './plug-in-ca.ts';
import { requestMetrics } from './request-metrics.ts';

const DEADLINE_MS = 180_000;
const DEFINITIONS = '/apis/apiextensions.k8s.io/v1/customresourcedefinitions';

/** One cluster as the mesh sees it. */
export interface MeshMember {
  readonly cluster: ClusterPlan;
  readonly files: ClusterFiles;
  /** The user's access: Istio is installed in the user's name, as with any cluster. */
  readonly api: ApiClient;
  readonly cacerts: KubeObject;
}

/** The names that other tasks may wait for. */
export const meshTask = {
  definitions: (cluster: string) => `${cluster}/istio-definitions`,
  manifests: (cluster: string) => `${cluster}/istio-manifests`,
  rules: (cluster: string) => `${cluster}/mesh-rules`,
  install: (cluster: string) => `${cluster}/istio-install`,
  istiod: (cluster: string) => `${cluster}/istiod`,
  gateways: (cluster: string) => `${cluster}/gateways`,
  remoteSecret: (cluster: string) => `${cluster}/remote-secrets`,
} as const;

/** Everything that makes one mesh of the clusters, as tasks that run as soon as they can. */
export function meshTasks(members: readonly MeshMember[], part: PartPath, istioVersion: string): Task[] {
  return members.flatMap((member) => {
    const { cluster, files, api } = member;
    const apiServer = componentName(cluster, 'apiserver');
    const { promise: manifests, resolve: manifestsRead } = Promise.withResolvers<IstioManifests>();
    const others = members.filter((other) => other !== member);
    return [
      {
        name: meshTask.manifests(cluster.name),
        run: async (signal) => {
          const operator = files.path('istio-operator.yaml');
          await writeFile(operator, stringify(istioOperator(cluster, istioVersion)));
          manifestsRead(
            sortManifests(await istioctl(part, ['manifest', 'generate', '-f', operator], signal)),
          );
        },
      },
      {
        name: meshTask.install(cluster.name),
        after: [apiServer, meshTask.manifests(cluster.name)],
        run: async (signal) => {
          await api.applyAll([namespace(cluster), injectedNamespace()], signal);
          // istiod reads its certificate authority once, when it starts.
          await api.apply(member.cacerts, signal);
          const { base, webhooks } = await manifests;
          await api.applyAll([...base, ...webhooks], signal);
        },
      },
      {
        name: meshTask.definitions(cluster.name),
        after: [apiServer, meshTask.manifests(cluster.name)],
        run: async (signal) => {
          const definitions = (await manifests).definitions;
          await Promise.all(
            definitions.map(({ name, yaml }) => api.applyYaml(`${DEFINITIONS}/${name}`, yaml, signal)),
          );
        },
      },
      {
        name: meshTask.rules(cluster.name),
        after: [meshTask.definitions(cluster.name), meshTask.install(cluster.name)],
        run: async (signal, waitingFor) => {
          const rules = [strictMutualTls(), ...exposure(), ...requestMetrics()];
          await until((now) => kindMissing(api, rules, now), { signal, waitingFor, deadlineMs: DEADLINE_MS });
          await api.applyAll(rules, signal);
        },
      },
      {
        name: meshTask.istiod(cluster.name),
        after: [meshTask.install(cluster.name), clusterTask.node(cluster.name)],
        run: (signal, waitingFor) =>
          until((now) => istiodMissing(api, now), { signal, waitingFor, deadlineMs: DEADLINE_MS }),
      },
      {
        name: meshTask.gateways(cluster.name),
        after: [meshTask.istiod(cluster.name)],
        run: async (signal, waitingFor) => {
          await api.applyAll((await manifests).gateways, signal);
          await until(
            async (now) =>
              (await deploymentMissing(api, ISTIO_NAMESPACE, INGRESS_GATEWAY, now)) ??
              (await deploymentMissing(api, ISTIO_NAMESPACE, EAST_WEST_GATEWAY, now)),
            { signal, waitingFor, deadlineMs: DEADLINE_MS },
          );
        },
      },
      {
        name: meshTask.remoteSecret(cluster.name),
        // Its own installation, for the namespace; the others', for the reader's account.
        after: [
          meshTask.install(cluster.name),
          ...others.flatMap((other) => [
            meshTask.install(other.cluster.name),
            componentName(other.cluster, 'controller-manager'),
          ]),
        ],
        run: async (signal, waitingFor) => {
          const introduce = async (other: MeshMember) => {
            // The controller manager fills the reader's token a moment after istioctl has asked for it.
            await until(
              async (now) => {
                await api.apply(await remoteSecretOf(other, part, now), now);
                return null;
              },
              { signal, waitingFor, deadlineMs: DEADLINE_MS, everyMs: 1_000 },
            );
          };
          await Promise.all(others.map(introduce));
        },
      },
    ] satisfies Task[];
  });
}

function istioctl(part: PartPath, args: readonly string[], signal: AbortSignal): Promise<string> {
  return runProgram([part('istioctl'), ...args], { signal });
}

/** What a control plane needs to read another cluster, made by istioctl. Its text must not get into a message. */
async function remoteSecretOf(member: MeshMember, part: PartPath, signal: AbortSignal): Promise<KubeObject> {
  const output = await istioctl(
    part,
    [
      'create-remote-secret',
      `--kubeconfig=${member.files.kubeconfig('user')}`,
      `--name=${member.cluster.name}`,
      `--server=${serverUrl(member.cluster)}`,
    ],
    signal,
  );
  const objects = parseAllDocuments(output).map((document) => document.toJS() as KubeObject | null);
  const secret = objects.find((object) => object?.kind === 'Secret');
  if (!secret) throw new Error('istioctl create-remote-secret wrote no Secret');
  return secret;
}

function namespace(cluster: ClusterPlan): KubeObject {
  return {
    apiVersion: 'v1',
    kind: 'Namespace',
    metadata: { name: ISTIO_NAMESPACE, labels: { 'topology.istio.io/network': cluster.network } },
  };
}

/** Pods of `default` get a sidecar without anybody's asking: it is a lab for meshes. */
function injectedNamespace(): KubeObject {
  return {
    apiVersion: 'v1',
    kind: 'Namespace',
    metadata: { name: 'default', labels: { 'istio-injection': 'enabled' } },
  };
}

async function kindMissing(
  api: ApiClient,
  objects: readonly KubeObject[],
  signal: AbortSignal,
): Promise<string | null> {
  for (const { apiVersion, kind } of objects) {
    if (!(await api.serves(apiVersion, kind, signal))) return `${kind} of ${apiVersion} to be served`;
  }
  return null;
}

/** Ready, and its certificate in the webhooks that call it: until then no pod can be injected. */
async function istiodMissing(api: ApiClient, signal: AbortSignal): Promise<string | null> {
  const deployment = await deploymentMissing(api, ISTIO_NAMESPACE, 'istiod', signal);
  if (deployment) return deployment;
  for (const path of [
    'mutatingwebhookconfigurations/istio-sidecar-injector',
    `validatingwebhookconfigurations/istio-validator-${ISTIO_NAMESPACE}`,
  ]) {
    const { webhooks } = await api.get<{ webhooks: { clientConfig: { caBundle?: string } }[] }>(
      `/apis/admissionregistration.k8s.io/v1/${path}`,
      signal,
    );
    if (!webhooks.every(({ clientConfig }) => clientConfig.caBundle))
      return `istiod's certificate in ${path}`;
  }
  return null;
}
