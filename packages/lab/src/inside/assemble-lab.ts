import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { stringify } from 'yaml';
import { ClusterFiles, serverUrl, writeClusterFiles } from '../cluster/cluster-files.ts';
import { clusterTasks } from '../cluster/cluster-tasks.ts';
import { AUDIT_POLICY, controlPlaneComponents, kubeProxyConfig } from '../cluster/control-plane.ts';
import { type ClusterIdentities, makeIdentities } from '../cluster/identities.ts';
import { ApiClient } from '../kube/api-client.ts';
import { kubeconfig } from '../kube/kubeconfig.ts';
import { type MeshMember, meshTasks } from '../mesh/mesh-tasks.ts';
import { makeMeshCas } from '../mesh/plug-in-ca.ts';
import type { ClusterPlan, VmPlan } from '../plan/lab-plan.ts';
import type { LabSettings } from '../plan/lab-settings.ts';
import type { StateFolder } from '../plan/state-folder.ts';
import { type NodeOptions, nodeComponents } from '../runtime/node.ts';
import type { Component } from '../supervisor/component.ts';
import type { Task } from '../supervisor/task.ts';
import { sshAccess } from '../vm/access.ts';
import { prepareVm, type VmOptions, vmComponents } from '../vm/vm.ts';

/** All that runs in one lab. */
export interface AssembledLab {
  readonly components: readonly Component[];
  readonly tasks: readonly Task[];
  /** Each cluster's API server, with the user's access. */
  readonly apis: ReadonlyMap<string, ApiClient>;
}

/** Makes the keys, writes the files, and says what is to be started after what. */
export async function assembleLab(settings: LabSettings, state: StateFolder): Promise<AssembledLab> {
  const { plan } = settings;
  const part = (name: string) => join(settings.partsDir, 'bin', name);
  const [identities, cas] = await Promise.all([
    Promise.all(plan.clusters.map(makeIdentities)),
    makeMeshCas(plan.clusters.map(({ name }) => name)),
  ]);
  const clusters = plan.clusters.map((cluster, i) => {
    const own = identities[i] as ClusterIdentities;
    const files = new ClusterFiles(state.in(cluster.name));
    const access = { server: serverUrl(cluster), ca: own.ca.cert };
    return {
      cluster,
      files,
      identities: own,
      api: new ApiClient({ ...access, ...own.client.user }),
      loadBalancerApi: new ApiClient({ ...access, ...own.client.loadBalancers }),
      cacerts: cas.get(cluster.name) as MeshMember['cacerts'],
    };
  });
  await Promise.all(
    clusters.map(async ({ cluster, files, identities }) => {
      await mkdir(files.path(), { recursive: true, mode: 0o700 });
      await writeClusterFiles(files, cluster, identities);
      await writeFile(files.path('audit-policy.yaml'), stringify(AUDIT_POLICY));
      await writeFile(files.path('kube-proxy.yaml'), stringify(kubeProxyConfig(cluster, files)));
    }),
  );
  await writeUserKubeconfig(settings, state, identities);
  const vm = plan.vm ? vmOptions(plan.vm, settings, state) : null;
  if (vm) {
    await prepareVm(vm);
    await sshAccess({ name: vm.name, stateDir: vm.stateDir, port: settings.ports['vm/ssh'] ?? 0 });
  }

  return {
    apis: new Map(clusters.map(({ cluster, api }) => [cluster.name, api])),
    components: [
      ...clusters.flatMap((each) => [
        ...controlPlaneComponents({ ...each, part }),
        ...nodeComponents(nodeOf(each.cluster, each.files, settings)),
      ]),
      ...(vm ? vmComponents(vm) : []),
    ],
    tasks: [
      ...clusters.flatMap(clusterTasks),
      ...meshTasks(clusters, part, settings.versions.istio ?? 'unknown'),
    ],
  };
}

function nodeOf(cluster: ClusterPlan, files: ClusterFiles, settings: LabSettings): NodeOptions {
  return {
    cluster: cluster.name,
    netns: cluster.name,
    nodeName: cluster.nodeName,
    nodeAddress: cluster.addresses.machine,
    podCidr: cluster.addresses.podCidr,
    stateDir: files.path('node'),
    parts: partsOf(settings),
    rootfs: settings.rootfs,
    catalogues: settings.catalogues,
    kubeletKubeconfig: files.kubeconfig('kubelet'),
    servingCert: files.keyPair('kubelet'),
    clientCa: files.keyPair('ca').cert,
    clusterDns: cluster.addresses.dns,
    clusterDomain: 'cluster.local',
  };
}

function partsOf({ partsDir }: LabSettings): NodeOptions['parts'] {
  return { bin: (name) => join(partsDir, 'bin', name), share: (path) => join(partsDir, 'share', path) };
}

/** The VM's power switch; in the sandbox's own /run, because nobody outside needs it. */
export const VM_POWER = '/run/meshlift/vm.sock';

function vmOptions({ name, address }: VmPlan, settings: LabSettings, state: StateFolder): VmOptions {
  return {
    name,
    netns: name,
    address,
    stateDir: state.in(name),
    controlSocket: VM_POWER,
    parts: partsOf(settings),
    rootfs: settings.rootfs,
    // There is no name server on the backbone; the VM's sidecar answers the mesh's names.
    nameservers: [],
  };
}

/** The only kubeconfig that leads to every cluster, through the host's forwards. */
async function writeUserKubeconfig(
  settings: LabSettings,
  state: StateFolder,
  identities: readonly ClusterIdentities[],
): Promise<void> {
  const contexts = settings.plan.clusters.map((cluster, i) => {
    const { ca, client } = identities[i] as ClusterIdentities;
    const server = `https://127.0.0.1:${settings.ports[`${cluster.name}/api`]}`;
    return { name: cluster.name, user: `${cluster.name}-user`, server, ca: ca.cert, ...client.user };
  });
  await writeFile(state.kubeconfig, kubeconfig(contexts), { mode: 0o600 });
}
