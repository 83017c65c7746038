import { rm } from 'node:fs/promises';
import { flushCompileCache } from 'node:module';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { Server, ServerCredentials } from '@grpc/grpc-js';
import { Containers } from './containers/containers.ts';
import { imageService } from './cri/image-service.ts';
import { implementation, loadServices } from './cri/protocol.ts';
import { runtimeService } from './cri/runtime-service.ts';
import { CatalogueFiles } from './images/catalogue-files.ts';
import { readJsonFile } from './json-file.ts';
import { shieldKernelSettings } from './kernel-settings.ts';
import { ensureBridge } from './machine-bridge.ts';
import { AddressPool } from './pods/address-pool.ts';
import { Pods } from './pods/pods.ts';
import type { RuntimeOptions } from './runtime-options.ts';
import { Shim } from './shim.ts';
import { StateFolder } from './state-folder.ts';
import { Streaming } from './streaming.ts';
import { inUserNamespace } from './user-namespace.ts';

/** The largest message: as much as the kubelet takes. */
const maximumMessage = 16 * 1024 * 1024;

/**
 * The container runtime of one cluster's node: serves the CRI on a unix socket until it is told to
 * end. Containers survive it, and the next run takes them over.
 */
async function main(): Promise<void> {
  const { values } = parseArgs({ options: { config: { type: 'string' } } });
  const options = values.config === undefined ? null : await readJsonFile<RuntimeOptions>(values.config);
  if (!options) throw new Error('usage: main.ts --config FILE, a JSON file as RuntimeOptions describes');
  const log = (line: string) => void process.stderr.write(`${new Date().toISOString()} ${line}\n`);

  const state = new StateFolder(options.stateFolder);
  await state.prepare();
  const userNamespace = await inUserNamespace();
  if (!userNamespace) await shieldKernelSettings(join(options.stateFolder, 'kernel-settings'));
  await ensureBridge(options.bridge, options.podCidr);
  const shim = new Shim(options.shim);
  const catalogue = new CatalogueFiles(options.catalogues, {
    node: process.execPath,
    parts: options.partsFolder,
  });
  const containers = new Containers({
    state,
    shim,
    rootfs: options.rootfs,
    volumesFolder: options.volumesFolder,
    userNamespace,
    report: log,
  });
  const pods = new Pods({
    state,
    shim,
    containers,
    addressPool: (taken) => new AddressPool(options.podCidr, taken),
    machine: { bridge: options.bridge, mtu: options.mtu, hostname: options.hostname },
  });
  await containers.recover();
  await pods.recover();

  const server = new Server({
    'grpc.max_receive_message_length': maximumMessage,
    'grpc.max_send_message_length': maximumMessage,
  });
  const services = loadServices(options.proto);
  const reportFailure = (call: string, error: unknown) =>
    log(`${call}: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`);
  const streaming = new Streaming(options.streamingSocket);
  server.addService(
    services.runtime,
    implementation(
      runtimeService({
        pods,
        containers,
        catalogue,
        streaming,
        version: options.version,
      }),
      reportFailure,
    ),
  );
  server.addService(
    services.images,
    implementation(imageService(catalogue, options.stateFolder), reportFailure),
  );
  // Left over from a run that was killed.
  await rm(options.socket, { force: true });
  await listen(server, options.socket);
  // Stripping the types takes a third of this process's memory; with NODE_COMPILE_CACHE set, the next run is spared it.
  flushCompileCache();
  log(
    `serving on ${options.socket}: ${pods.all().length} pods and ${containers.all().length} containers taken over`,
  );

  const end = () => {
    containers.close();
    server.forceShutdown();
  };
  process.once('SIGTERM', end);
  process.once('SIGINT', end);
}

function listen(server: Server, socket: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.bindAsync(`unix://${socket}`, ServerCredentials.createInsecure(), (error) => {
      if (error) reject(new Error(`cannot listen on ${socket}: ${error.message}`, { cause: error }));
      else resolve();
    });
  });
}

await main();
