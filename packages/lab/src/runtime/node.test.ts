import { mkdtemp, readFile, rm, stat } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type NodeOptions, nodeComponents } from './node.ts';

let folder: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'node-'));
});

afterEach(() => rm(folder, { recursive: true }));

function options(stateDir = join(folder, 'node')): NodeOptions {
  return {
    cluster: 'cluster2',
    netns: 'cluster2',
    nodeName: 'cluster2-node',
    nodeAddress: '10.10.2.10',
    podCidr: '10.22.0.0/16',
    stateDir,
    parts: { bin: (name) => `/parts/k/bin/${name}`, share: (path) => `/parts/k/share/${path}` },
    rootfs: '/cache/root',
    catalogues: ['/lab/images.json', '/user/images.json'],
    kubeletKubeconfig: '/state/kubelet.kubeconfig',
    servingCert: { cert: '/state/kubelet.crt', key: '/state/kubelet.key' },
    clientCa: '/state/ca.crt',
    clusterDns: '10.122.0.10',
    clusterDomain: 'cluster.local',
  };
}

describe("a node's components", () => {
  it("are three in the machine's network, the kubelet after the runtime", () => {
    const components = nodeComponents(options());
    expect(components.map(({ name, netns }) => [name, netns])).toEqual([
      ['cluster2/streaming', 'cluster2'],
      ['cluster2/runtime', 'cluster2'],
      ['cluster2/kubelet', 'cluster2'],
    ]);
    expect(components[2]?.after).toEqual(['cluster2/runtime']);
  });

  it('find one another through the files that are written for them', async () => {
    nodeComponents(options());
    const runtime = JSON.parse(await readFile(join(folder, 'node', 'runtime.json'), 'utf8'));
    const kubelet = JSON.parse(await readFile(join(folder, 'node', 'kubelet.json'), 'utf8'));
    expect(kubelet.containerRuntimeEndpoint).toBe(`unix://${runtime.socket}`);
    expect(runtime).toMatchObject({
      partsFolder: '/parts/k',
      podCidr: '10.22.0.0/16',
      volumesFolder: join(folder, 'node', 'kubelet'),
    });
    expect(runtime.catalogues).toEqual(['/lab/images.json', '/user/images.json']);
  });

  it("let nobody but the API server's clients in", async () => {
    nodeComponents(options());
    const kubelet = JSON.parse(await readFile(join(folder, 'node', 'kubelet.json'), 'utf8'));
    expect(kubelet.authentication).toMatchObject({
      anonymous: { enabled: false },
      x509: { clientCAFile: '/state/ca.crt' },
    });
    expect(kubelet.authorization).toEqual({ mode: 'Webhook' });
    expect(kubelet.readOnlyPort).toBe(0);
    expect((await stat(join(folder, 'node'))).mode & 0o777).toBe(0o700);
  });

  it('learn what runs by asking, not from events that come late on a busy machine', async () => {
    nodeComponents(options());
    const kubelet = JSON.parse(await readFile(join(folder, 'node', 'kubelet.json'), 'utf8'));
    expect(kubelet.featureGates).not.toHaveProperty('EventedPLEG');
  });

  it('cannot live in a folder whose path is too long for sockets', () => {
    expect(() => nodeComponents(options(join(folder, 'x'.repeat(100))))).toThrow(
      /too long for a unix socket.*XDG_STATE_HOME/,
    );
  });

  it('are ready when they answer on their sockets', async () => {
    const [streaming] = nodeComponents(options());
    const never = AbortSignal.timeout(5_000);
    expect(await streaming?.ready?.(never)).toBe(false);
    const server = createServer().listen(join(folder, 'node', 'streaming.sock'));
    await new Promise((resolve) => server.once('listening', resolve));
    try {
      expect(await streaming?.ready?.(never)).toBe(true);
    } finally {
      server.close();
    }
  });
});
