/**
 * Clusters behind the wire, in a process of its own: API servers that list their pods, have the objects that an engine
 * looks at, and pass requests on to pods' proxies. Started by engine-watch.ts, which tells what there is to be:
 * `node bench/stand-in/clusters.ts '{"certificate":…,"key":…,"clusters":[…]}'`. Tells its ports on stdout.
 */
import { readFileSync } from 'node:fs';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { type Calls, filtered, page, pageLines } from './proxy-page.ts';

export interface StandIn {
  readonly certificate: string;
  readonly key: string;
  readonly clusters: readonly {
    readonly name: string;
    readonly callers: number;
    /** of the callers, those that call the service at all */
    readonly calling: number;
    readonly objects: Readonly<Record<string, unknown>>;
  }[];
  readonly calls: readonly Calls[];
  /** whether Envoy's own page is there, or only the agent's, which has everything */
  readonly envoyPage: boolean;
}

const standIn = JSON.parse(readFileSync(0, 'utf8')) as StandIn;
const started = Date.now();
const requestsPerSecond = 20;
const lines = { calling: pageLines(standIn.calls), silent: pageLines([]) };
const kept = new Map<string, ReturnType<typeof filtered>>();

function statistics(pod: number, calling: boolean, filter: string | null): string {
  const kind = calling ? 'calling' : 'silent';
  const key = `${kind} ${filter}`;
  const wanted = kept.get(key) ?? filtered(lines[kind], filter);
  kept.set(key, wanted);
  return page(wanted, pod + (requestsPerSecond * (Date.now() - started)) / 1_000);
}

const kinds = {
  v1: [
    ['pods', 'Pod'],
    ['configmaps', 'ConfigMap'],
  ],
  'apps/v1': [['deployments', 'Deployment']],
  'networking.istio.io/v1': [
    ['virtualservices', 'VirtualService'],
    ['workloadentries', 'WorkloadEntry'],
  ],
} as const;

function resources(groupVersion: string): object {
  const served = Object.entries(kinds).find(([it]) => it === groupVersion)?.[1] ?? [];
  return { resources: served.map(([name, kind]) => ({ name, kind, namespaced: true })) };
}

function podObject(cluster: string, i: number): object {
  return {
    metadata: {
      name: podName(i),
      namespace: 'default',
      uid: `${cluster}-${i}`,
      labels: { app: 'frontend', 'pod-template-hash': '7d9c', 'security.istio.io/tlsMode': 'istio' },
      // What injection leaves on a pod is most of the pod.
      annotations: {
        'sidecar.istio.io/status': JSON.stringify({ volumes: Array(40).fill('workload-socket') }),
      },
      ownerReferences: [{ apiVersion: 'apps/v1', kind: 'ReplicaSet', name: 'frontend-7d9c', uid: 'owner' }],
    },
    spec: {
      containers: ['server', 'istio-proxy'].map((name) => ({
        name,
        image: `registry.example/${name}:1`,
        env: Array.from({ length: 30 }, (_, n) => ({ name: `SETTING_${n}`, value: 'x'.repeat(40) })),
      })),
    },
    status: {
      phase: 'Running',
      podIP: `10.1.${Math.floor(i / 250)}.${(i % 250) + 1}`,
      containerStatuses: [{ name: 'istio-proxy', containerID: `containerd://${i}`, started: true }],
    },
  };
}

const podName = (i: number) => `frontend-7d9c-${String(i).padStart(5, '0')}`;

const ports = await Promise.all(
  standIn.clusters.map(async ({ name, callers, calling, objects }) => {
    const pods = Array.from({ length: callers }, (_, i) => podObject(name, i));
    const listed = JSON.stringify({ items: pods, metadata: {} });
    const answer = (request: IncomingMessage, response: ServerResponse): void => {
      const url = new URL(request.url ?? '/', 'https://cluster');
      const proxy = /\/pods\/frontend-7d9c-(\d+):(\d+)\/proxy\/stats\/prometheus$/.exec(url.pathname);
      if (proxy?.[2] === '15090' && !standIn.envoyPage) {
        response.writeHead(503).end('dial tcp: connection refused');
      } else if (proxy) {
        const pod = Number(proxy[1]);
        // The agent's page takes no filter.
        const filter = proxy[2] === '15090' ? url.searchParams.get('filter') : null;
        response.writeHead(200, { 'content-type': 'text/plain' }).end(statistics(pod, pod < calling, filter));
      } else {
        const found =
          url.pathname === '/api/v1/pods'
            ? listed
            : /^\/(api|apis\/[^/]+)\/v1$/.test(url.pathname)
              ? JSON.stringify(resources(url.pathname.replace(/^\/apis?\//, '')))
              : objects[url.pathname] && JSON.stringify(objects[url.pathname]);
        response.writeHead(found ? 200 : 404, { 'content-type': 'application/json' }).end(found || '{}');
      }
    };
    const server = createServer({ cert: standIn.certificate, key: standIn.key }, answer);
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    return (server.address() as AddressInfo).port;
  }),
);
process.stdout.write(`${JSON.stringify(ports)}\n`);
