import type { ApiClient } from '../kube/api-client.ts';
import { deploymentMissing } from '../kube/deployment.ts';
import type { ClusterPlan } from '../plan/lab-plan.ts';
import { inNamespace } from '../supervisor/launcher.ts';
import { runProgram } from '../supervisor/run-program.ts';
import type { Task } from '../supervisor/task.ts';
import { until } from '../supervisor/until.ts';
import { accessRules } from './access-rules.ts';
import { clusterDns } from './cluster-dns.ts';
import { componentName } from './control-plane.ts';
import { AddressBook, type AddressHolder, serveLoadBalancers } from './load-balancers.ts';

const DEADLINE_MS = 180_000;

/** The names that other tasks may wait for. */
export const clusterTask = {
  foundations: (cluster: string) => `${cluster}/foundations`,
  node: (cluster: string) => `${cluster}/node`,
  dns: (cluster: string) => `${cluster}/dns`,
} as const;

export interface ClusterAccess {
  readonly cluster: ClusterPlan;
  /** With the user's rights. */
  readonly api: ApiClient;
  /** With those of the load balancers only. */
  readonly loadBalancerApi: ApiClient;
}

/** What makes a set of processes a cluster that can be used: rights, DNS, LoadBalancer addresses, a ready node. */
export function clusterTasks({ cluster, api, loadBalancerApi }: ClusterAccess): Task[] {
  const apiServer = componentName(cluster, 'apiserver');
  return [
    {
      name: clusterTask.foundations(cluster.name),
      after: [apiServer],
      run: async (signal) => {
        await api.applyAll([...accessRules(), ...clusterDns(cluster)], signal);
        const { loadBalancers, eastWestGateway, ingressGateway } = cluster.addresses;
        const book = new AddressBook(loadBalancers, [eastWestGateway, ingressGateway]);
        // Runs as long as the lab does.
        void serveLoadBalancers(loadBalancerApi, book, holderOf(cluster), signal, (error) =>
          process.stderr.write(`${cluster.name} load balancers: ${error.message}\n`),
        );
      },
    },
    {
      name: clusterTask.node(cluster.name),
      after: [apiServer],
      run: (signal, waitingFor) =>
        until((now) => nodeMissing(api, cluster, now), { signal, waitingFor, deadlineMs: DEADLINE_MS }),
    },
    {
      name: clusterTask.dns(cluster.name),
      after: [clusterTask.foundations(cluster.name), clusterTask.node(cluster.name)],
      run: (signal, waitingFor) =>
        until((now) => deploymentMissing(api, 'kube-system', 'coredns', now), {
          signal,
          waitingFor,
          deadlineMs: DEADLINE_MS,
        }),
    },
  ];
}

function holderOf(cluster: ClusterPlan): AddressHolder {
  const ip = async (action: 'replace' | 'del', address: string, signal: AbortSignal) => {
    const argv = ['ip', 'addr', action, `${address}/32`, 'dev', 'eth0'];
    await runProgram(inNamespace(cluster.name, argv), { signal });
  };
  return {
    hold: (address, signal) => ip('replace', address, signal),
    release: (address, signal) => ip('del', address, signal),
  };
}

async function nodeMissing(
  api: ApiClient,
  cluster: ClusterPlan,
  signal: AbortSignal,
): Promise<string | null> {
  const { items } = await api.get<{
    items: { status?: { conditions?: { type: string; status: string; message?: string }[] } }[];
  }>(`/api/v1/nodes?fieldSelector=metadata.name=${cluster.nodeName}`, signal);
  const ready = items[0]?.status?.conditions?.find(({ type }) => type === 'Ready');
  if (!ready) return `node ${cluster.nodeName} to register`;
  return ready.status === 'True' ? null : `node ${cluster.nodeName}: ${ready.message}`;
}
