import { mkdirSync, writeFileSync } from 'node:fs';
import { get } from 'node:http';
import { connect } from 'node:net';
import { dirname, extname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Component } from '../supervisor/component.ts';
import { kubeletConfiguration } from './kubelet-configuration.ts';
import type { RuntimeOptions } from './runtime-options.ts';

/** One cluster's node. All paths are absolute. */
export interface NodeOptions {
  readonly cluster: string;
  /** The cluster's machine. */
  readonly netns: string;
  readonly nodeName: string;
  readonly nodeAddress: string;
  readonly podCidr: string;
  /** The node's own folder; readable by its owner only. */
  readonly stateDir: string;
  readonly parts: { readonly bin: (name: string) => string; readonly share: (path: string) => string };
  /** The Debian root under every container. */
  readonly rootfs: string;
  /** Image catalogue files; later ones win. */
  readonly catalogues: readonly string[];
  /** Of the user `system:node:<nodeName>`. */
  readonly kubeletKubeconfig: string;
  readonly servingCert: { readonly cert: string; readonly key: string };
  /** Whose clients the kubelet believes: the API server. */
  readonly clientCa: string;
  readonly clusterDns: string;
  readonly clusterDomain: string;
}

/** The longest path that a unix socket can have. */
const longestSocketPath = 107;
const bridge = 'pods0';
const mtu = 1500;
/** The runtime holds little and computes little; memory is what a lab on a laptop lacks. Sizes in MiB. */
const nodeFlags = ['--max-old-space-size=96', '--max-semi-space-size=1', '--v8-pool-size=1'];
const version = '0.1.0';

/**
 * What makes a cluster's machine a Kubernetes node, in the order in which it starts: the streaming
 * server, the container runtime, the kubelet. All three must see the same mounts, so whoever starts
 * them must not give them mount namespaces of their own. Writes their configuration files.
 *
 * @throws RangeError when the state folder's path is too long for sockets in it
 */
export function nodeComponents(node: NodeOptions): Component[] {
  const paths = nodePaths(node.stateDir);
  for (const folder of [node.stateDir, paths.runtimeState, paths.kubelet, paths.logs, paths.plugins]) {
    mkdirSync(folder, { recursive: true, mode: 0o700 });
  }
  const runtime: RuntimeOptions = {
    socket: paths.runtimeSocket,
    streamingSocket: paths.streamingSocket,
    stateFolder: paths.runtimeState,
    proto: node.parts.share('cri/api.proto'),
    shim: node.parts.bin('shim'),
    rootfs: node.rootfs,
    catalogues: node.catalogues,
    partsFolder: dirname(dirname(node.parts.bin('shim'))),
    volumesFolder: paths.kubelet,
    podCidr: node.podCidr,
    bridge,
    mtu,
    hostname: node.nodeName,
    version,
  };
  writeJson(paths.runtimeConfig, runtime);
  writeJson(
    paths.kubeletConfig,
    kubeletConfiguration({
      runtimeSocket: paths.runtimeSocket,
      address: node.nodeAddress,
      servingCert: node.servingCert,
      clientCa: node.clientCa,
      clusterDns: node.clusterDns,
      clusterDomain: node.clusterDomain,
      resolverFile: paths.resolver,
      podLogsFolder: paths.logs,
      volumePluginFolder: paths.plugins,
      podCidr: node.podCidr,
    }),
  );
  // Nothing outside the lab can be resolved, so there is no server to ask.
  writeFileSync(paths.resolver, '', { mode: 0o644 });
  return [streamingComponent(node, paths), runtimeComponent(node, paths), kubeletComponent(node, paths)];
}

type NodePaths = ReturnType<typeof nodePaths>;

function nodePaths(stateDir: string) {
  const folder = resolve(stateDir);
  const paths = {
    runtimeState: join(folder, 'runtime'),
    runtimeSocket: join(folder, 'cri.sock'),
    streamingSocket: join(folder, 'streaming.sock'),
    runtimeConfig: join(folder, 'runtime.json'),
    kubeletConfig: join(folder, 'kubelet.json'),
    kubelet: join(folder, 'kubelet'),
    logs: join(folder, 'pod-logs'),
    plugins: join(folder, 'volume-plugins'),
    resolver: join(folder, 'resolv.conf'),
  };
  const longest = join(paths.kubelet, 'device-plugins', 'kubelet.sock');
  if (Buffer.byteLength(longest) > longestSocketPath) {
    throw new RangeError(
      `the path ${longest} is too long for a unix socket (${Buffer.byteLength(longest)} bytes, at most ${longestSocketPath}): ` +
        'give the lab a shorter name, or a state folder with a shorter path (XDG_STATE_HOME)',
    );
  }
  return paths;
}

function streamingComponent(node: NodeOptions, paths: NodePaths): Component {
  return {
    name: `${node.cluster}/streaming`,
    netns: node.netns,
    argv: [
      node.parts.bin('streaming'),
      `--control=${paths.streamingSocket}`,
      `--state=${paths.runtimeState}`,
      `--shim=${node.parts.bin('shim')}`,
    ],
    ready: (signal) => answers(paths.streamingSocket, signal),
  };
}

function runtimeComponent(node: NodeOptions, paths: NodePaths): Component {
  // The same kind of file as this one: TypeScript in the repository, JavaScript in a package.
  const self = fileURLToPath(import.meta.url);
  return {
    name: `${node.cluster}/runtime`,
    netns: node.netns,
    argv: [
      process.execPath,
      ...nodeFlags,
      join(dirname(self), `main${extname(self)}`),
      `--config=${paths.runtimeConfig}`,
    ],
    ready: (signal) => answers(paths.runtimeSocket, signal),
  };
}

function kubeletComponent(node: NodeOptions, paths: NodePaths): Component {
  return {
    name: `${node.cluster}/kubelet`,
    netns: node.netns,
    argv: [
      node.parts.bin('kubelet'),
      `--config=${paths.kubeletConfig}`,
      `--kubeconfig=${node.kubeletKubeconfig}`,
      `--root-dir=${paths.kubelet}`,
      `--cert-dir=${join(paths.kubelet, 'pki')}`,
      `--hostname-override=${node.nodeName}`,
      `--node-ip=${node.nodeAddress}`,
    ],
    after: [`${node.cluster}/runtime`],
    ready: (signal) => isHealthy(`http://${node.nodeAddress}:10248/healthz`, signal),
  };
}

function writeJson(path: string, value: unknown): void {
  writeFileSync(path, `${JSON.stringify(value, null, 2)}\n`, { mode: 0o600 });
}

/** Whether somebody listens on a unix socket. */
function answers(socket: string, signal: AbortSignal): Promise<boolean> {
  return new Promise((resolvePromise) => {
    const connection = connect({ path: socket, signal });
    connection.once('connect', () => {
      connection.destroy();
      resolvePromise(true);
    });
    connection.once('error', () => resolvePromise(false));
  });
}

function isHealthy(url: string, signal: AbortSignal): Promise<boolean> {
  return new Promise((resolvePromise) => {
    const call = get(url, { signal }, (response) => {
      response.resume();
      resolvePromise(response.statusCode === 200);
    });
    call.on('error', () => resolvePromise(false));
  });
}
