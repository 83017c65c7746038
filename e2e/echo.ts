import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parse, stringify } from 'yaml';
import { migrationFile } from '../demo/src/migration-file.ts';
import { type MigrationDraft, root, type Scenario } from './scenario.ts';

export const echoImages = join(root, 'e2e/echo-images.json');

/** What one protocol's caller counted. */
export interface EchoCount {
  readonly answered: number;
  readonly failed: number;
  readonly bySide: Readonly<Record<string, number>>;
  readonly failures: Readonly<Record<string, number>>;
}

export interface EchoCounts {
  readonly counts: Readonly<Record<EchoProtocol, EchoCount>>;
  readonly streams: readonly {
    readonly kind: string;
    readonly side: string | null;
    readonly pieces: number;
    readonly ended: string | null;
  }[];
}

type EchoProtocol = 'http' | 'tcp' | 'grpc';
const ports = { http: 8080, tcp: 7000, grpc: 9000 } as const;
const probes = {
  http: { httpGet: { port: ports.http, path: '/healthz' } },
  tcp: { tcpSocket: { port: ports.tcp } },
  grpc: { grpc: { port: ports.grpc } },
} as const;

/** The echo service on the VM, its name in both clusters, and a caller in each. */
export async function echoEverywhere(scenario: Scenario, protocol: EchoProtocol): Promise<void> {
  await Promise.all([
    echoOnVm(scenario),
    ...['cluster1', 'cluster2'].map((it) => callerIn(scenario, it, protocol)),
  ]);
}

async function echoOnVm(scenario: Scenario): Promise<void> {
  await scenario.stage.toVm({ node: process.execPath, 'echo-app.ts': join(root, 'e2e/echo-app.ts') }, 'echo');
  const unit =
    '[Unit]\\nDescription=echo\\n[Service]\\nExecStart=/opt/echo/node /opt/echo/echo-app.ts server\\nRestart=always\\nUser=nobody\\n[Install]\\nWantedBy=multi-user.target\\n';
  await scenario.onVm(
    `sudo install -d /opt/echo && sudo install -m 0755 echo/node echo/echo-app.ts /opt/echo/ && printf '${unit}' | sudo tee /etc/systemd/system/echo.service >/dev/null && sudo systemctl daemon-reload && sudo systemctl enable echo.service && sudo systemctl start echo.service`,
  );
}

async function callerIn(scenario: Scenario, cluster: string, protocol: EchoProtocol): Promise<void> {
  const labels = { app: 'caller' };
  const manifests = [
    {
      apiVersion: 'v1',
      kind: 'Service',
      metadata: { name: 'echo' },
      spec: { selector: { app: 'echo' }, ports: [{ name: protocol, port: ports[protocol] }] },
    },
    {
      apiVersion: 'apps/v1',
      kind: 'Deployment',
      metadata: { name: 'caller' },
      spec: {
        selector: { matchLabels: labels },
        template: {
          // Its controls are asked from outside the mesh.
          metadata: { labels, annotations: { 'traffic.sidecar.istio.io/excludeInboundPorts': '9090' } },
          spec: {
            containers: [
              {
                name: 'caller',
                image: 'example.com/echo',
                args: ['caller', 'echo.default'],
                env: [{ name: 'CALLS', value: protocol }],
                readinessProbe: { httpGet: { port: 9090, path: '/' }, periodSeconds: 1 },
              },
            ],
          },
        },
      },
    },
  ];
  const list = JSON.stringify({ apiVersion: 'v1', kind: 'List', items: manifests });
  await scenario.stage.kubectl(cluster, ['apply', '-f', '-'], list);
}

/** The migration of the echo service, as a user would write it. */
export async function echoMigration(
  scenario: Scenario,
  protocol: EchoProtocol,
  change: (draft: MigrationDraft) => void = () => undefined,
): Promise<string> {
  const copy = join(scenario.folder, 'echo-copy.yaml');
  await writeFile(copy, stringify(copyManifest(protocol)));
  const draft: MigrationDraft = parse(migrationFile(scenario.stage));
  draft.metadata.name = 'echo';
  draft.spec.service = { name: 'echo', port: ports[protocol], protocol };
  draft.spec.vm.serviceAccount = 'echo';
  draft.spec.vm.probe = { ...probes[protocol], periodSeconds: 1 };
  draft.spec.workload = { manifests: [copy], suffix: 'gke' };
  change(draft);
  const file = join(scenario.folder, 'migration.yaml');
  await writeFile(file, stringify(draft));
  return file;
}

function copyManifest(protocol: EchoProtocol): object {
  const labels = { app: 'echo' };
  return {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name: 'echo' },
    spec: {
      selector: { matchLabels: labels },
      template: {
        metadata: { labels },
        spec: {
          terminationGracePeriodSeconds: 5,
          containers: [
            {
              name: 'server',
              image: 'example.com/echo',
              args: ['server'],
              env: [{ name: 'SIDE', value: 'k8s' }],
              // Proxies elsewhere go on sending for a moment after this pod is told to stop.
              lifecycle: { preStop: { sleep: { seconds: 2 } } },
              readinessProbe: { ...probes[protocol], periodSeconds: 1 },
            },
          ],
        },
      },
    },
  };
}

/** What the caller of a cluster has counted; `control` is one of its controls, such as `open/http`. */
export async function echoCounts(scenario: Scenario, cluster: string, control = ''): Promise<EchoCounts> {
  const pods = await scenario.stage.kubectl(cluster, [
    'get',
    'pods',
    '-l',
    'app=caller',
    '--field-selector',
    'status.phase=Running',
    '-o',
    'jsonpath={.items[0].metadata.name}',
  ]);
  const path = `/api/v1/namespaces/default/pods/${pods.trim()}:9090/proxy/${control}`;
  return JSON.parse(await scenario.stage.kubectl(cluster, ['get', '--raw', path])) as EchoCounts;
}
