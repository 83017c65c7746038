import { readFile } from 'node:fs/promises';
import type { RequestOptions } from 'node:https';
import { homedir } from 'node:os';
import path from 'node:path';
import { parse } from 'yaml';
import { MeshliftError } from '../../errors/error.ts';
import { http } from '../node-http.ts';
import type { Credential } from './credential.ts';
import { type ExecPlugin, execCredential } from './exec-credential.ts';

/** How to reach and convince the API server of one context. */
export interface ClusterAccess {
  readonly server: URL;
  readonly ca?: Buffer;
  readonly serverName?: string;
  readonly verifyServer: boolean;
  /** the credential to use now; asks an exec plugin again when what it gave has expired or `renew` is set */
  credential(renew?: boolean): Promise<Credential>;
}

interface NamedCluster {
  readonly name: string;
  readonly cluster: {
    readonly server: string;
    readonly 'certificate-authority'?: string;
    readonly 'certificate-authority-data'?: string;
    readonly 'insecure-skip-tls-verify'?: boolean;
    readonly 'tls-server-name'?: string;
    readonly 'proxy-url'?: string;
  };
}

interface User {
  readonly 'client-certificate'?: string;
  readonly 'client-certificate-data'?: string;
  readonly 'client-key'?: string;
  readonly 'client-key-data'?: string;
  readonly token?: string;
  readonly tokenFile?: string;
  readonly username?: string;
  readonly password?: string;
  readonly as?: string;
  readonly exec?: ExecPlugin;
  readonly 'auth-provider'?: { readonly name: string };
}

interface Kubeconfig {
  readonly 'current-context'?: string;
  readonly clusters?: readonly NamedCluster[];
  readonly contexts?: readonly {
    readonly name: string;
    readonly context: { readonly cluster: string; readonly user: string };
  }[];
  readonly users?: readonly { readonly name: string; readonly user?: User }[];
}

/** A kubeconfig file and the folder its relative paths start from. */
interface LoadedFile {
  readonly file: string;
  readonly config: Kubeconfig;
}

/**
 * Finds one context in the kubeconfig: the file given, else those of KUBECONFIG, else ~/.kube/config; as kubectl
 * does, the first file that has a name wins. Rejects with `missing-context`, listing the contexts there are.
 *
 * Read here and not by @kubernetes/client-node, whose loading alone takes half a second of every command: it is left
 * to users of a proxy and of the legacy `auth-provider` entry, who need its proxy agents and its OpenID client.
 */
export async function readAccess(
  context: string,
  kubeconfigPath?: string,
  env: NodeJS.ProcessEnv = process.env,
): Promise<ClusterAccess> {
  const paths = kubeconfigPath === undefined ? defaultPaths(env) : [kubeconfigPath];
  const loaded = await Promise.all(paths.map((file) => load(file, context, kubeconfigPath !== undefined)));
  const files = loaded.filter((file) => file !== null);

  const found = findIn(files, (config) => config.contexts?.find(({ name }) => name === context)?.context);
  if (found === undefined) {
    throw missingContext(context, paths, files);
  }
  const cluster = findIn(files, (c) => c.clusters?.find(({ name }) => name === found.value.cluster)?.cluster);
  if (cluster === undefined) {
    throw incomplete(
      context,
      found.file,
      `names the cluster ${found.value.cluster}, which the file does not have`,
    );
  }
  const user = findIn(files, (c) => c.users?.find(({ name }) => name === found.value.user)?.user);
  return accessOf(context, cluster, user, files);
}

/** Every context of the kubeconfig, by the same rules; rejects with `missing-context` when there is none. */
export async function contextNames(
  kubeconfigPath?: string,
  env: NodeJS.ProcessEnv = process.env,
): Promise<readonly string[]> {
  const paths = kubeconfigPath === undefined ? defaultPaths(env) : [kubeconfigPath];
  const loaded = await Promise.all(
    paths.map((file) => load(file, '(all of them)', kubeconfigPath !== undefined)),
  );
  const names = loaded.flatMap((file) => file?.config.contexts?.map(({ name }) => name) ?? []);
  if (names.length > 0) return [...new Set(names)];
  throw new MeshliftError('missing-context', {
    where: paths.join(' and '),
    why: 'there is no context at all',
    next: 'name the kubeconfig with --kubeconfig or KUBECONFIG',
  });
}

function defaultPaths(env: NodeJS.ProcessEnv): string[] {
  const listed = (env.KUBECONFIG ?? '').split(path.delimiter).filter((file) => file !== '');
  return listed.length > 0 ? listed : [path.join(env.HOME ?? homedir(), '.kube', 'config')];
}

async function load(file: string, context: string, mustExist: boolean): Promise<LoadedFile | null> {
  let text: string;
  try {
    text = await readFile(file, 'utf8');
  } catch (cause) {
    if (!mustExist && (cause as NodeJS.ErrnoException).code === 'ENOENT') {
      return null;
    }
    throw new MeshliftError('missing-context', {
      where: `context ${context}`,
      why: `the kubeconfig ${file} cannot be read (${(cause as Error).message})`,
      next: 'name a kubeconfig that can be read, with --kubeconfig or KUBECONFIG',
      cause,
    });
  }
  try {
    return { file, config: (parse(text) ?? {}) as Kubeconfig };
  } catch (cause) {
    throw incomplete(context, file, `is not valid YAML (${(cause as Error).message.split('\n')[0]})`);
  }
}

function findIn<T>(
  files: readonly LoadedFile[],
  pick: (config: Kubeconfig) => T | undefined,
): { file: string; value: T } | undefined {
  for (const { file, config } of files) {
    const value = pick(config);
    if (value !== undefined) {
      return { file, value };
    }
  }
  return undefined;
}

async function accessOf(
  context: string,
  cluster: { file: string; value: NamedCluster['cluster'] },
  user: { file: string; value: User } | undefined,
  files: readonly LoadedFile[],
): Promise<ClusterAccess> {
  const { value, file } = cluster;
  if (!URL.canParse(value.server)) {
    throw incomplete(context, file, `has the server ${JSON.stringify(value.server)}, which is not a URL`);
  }
  const ca = await fileOrData(
    value['certificate-authority'],
    value['certificate-authority-data'],
    file,
    context,
  );
  return {
    server: new URL(value.server),
    verifyServer: value['insecure-skip-tls-verify'] !== true,
    ...(ca && { ca }),
    ...(value['tls-server-name'] !== undefined && { serverName: value['tls-server-name'] }),
    credential: await credentialSource(context, user, value, files),
  };
}

async function credentialSource(
  context: string,
  user: { file: string; value: User } | undefined,
  cluster: NamedCluster['cluster'],
  files: readonly LoadedFile[],
): Promise<ClusterAccess['credential']> {
  const { value, file } = user ?? { value: {} as User, file: '' };
  const impersonated: Record<string, string> = value.as === undefined ? {} : { 'Impersonate-User': value.as };
  if (value['auth-provider'] !== undefined || cluster['proxy-url'] !== undefined) {
    return throughClientNode(context, files, cluster['proxy-url'] !== undefined);
  }
  if (value.exec !== undefined) {
    const ask = execCredential(value.exec, cluster, path.dirname(file), context);
    return async (renew) => {
      const given = await ask(renew === true);
      return { ...given, headers: { ...impersonated, ...given.headers } };
    };
  }
  const cert = await fileOrData(value['client-certificate'], value['client-certificate-data'], file, context);
  const key = await fileOrData(value['client-key'], value['client-key-data'], file, context);
  return async () => ({
    headers: { ...impersonated, ...(await authorization(value, file, context)) },
    ...(cert && { cert }),
    ...(key && { key }),
  });
}

async function authorization(user: User, file: string, context: string): Promise<Record<string, string>> {
  if (user.tokenFile !== undefined) {
    // Read for every request: a projected token is replaced on disk before it expires.
    const token = await fileOrData(user.tokenFile, undefined, file, context);
    return { Authorization: `Bearer ${token?.toString('utf8').trim()}` };
  }
  if (user.token !== undefined) {
    return { Authorization: `Bearer ${user.token}` };
  }
  if (user.username !== undefined) {
    const pair = Buffer.from(`${user.username}:${user.password ?? ''}`).toString('base64');
    return { Authorization: `Basic ${pair}` };
  }
  return {};
}

async function throughClientNode(
  context: string,
  files: readonly LoadedFile[],
  proxied: boolean,
): Promise<ClusterAccess['credential']> {
  const { KubeConfig } = await import('@kubernetes/client-node');
  const config = new KubeConfig();
  for (const { file } of files) {
    const one = new KubeConfig();
    one.loadFromFile(file);
    config.mergeConfig(one, true);
  }
  config.setCurrentContext(context);
  return async () => {
    const options: RequestOptions = {};
    await config.applyToHTTPSOptions(options);
    const { headers, cert, key, agent } = options;
    return {
      headers: { ...(headers as Record<string, string> | undefined) },
      ...(cert !== undefined && { cert: cert as Buffer }),
      ...(key !== undefined && { key: key as Buffer }),
      ...(proxied && agent instanceof http.Agent && { agent }),
    };
  };
}

async function fileOrData(
  named: string | undefined,
  data: string | undefined,
  kubeconfig: string,
  context: string,
): Promise<Buffer | undefined> {
  if (data !== undefined && data !== '') {
    return Buffer.from(data, 'base64');
  }
  if (named === undefined || named === '') {
    return undefined;
  }
  const file = path.resolve(path.dirname(kubeconfig), named);
  try {
    return await readFile(file);
  } catch (cause) {
    throw incomplete(
      context,
      kubeconfig,
      `names ${file}, which cannot be read (${(cause as Error).message})`,
    );
  }
}

function missingContext(
  context: string,
  paths: readonly string[],
  files: readonly LoadedFile[],
): MeshliftError {
  const known = [...new Set(files.flatMap(({ config }) => config.contexts?.map(({ name }) => name) ?? []))];
  return new MeshliftError('missing-context', {
    where: `context ${context}`,
    why: `${paths.join(' and ')} ${paths.length > 1 ? 'have' : 'has'} no context of this name`,
    next:
      known.length > 0
        ? `use one of the contexts there are: ${known.sort().join(', ')}`
        : 'there is no context at all: name the kubeconfig with --kubeconfig or KUBECONFIG',
  });
}

function incomplete(context: string, file: string, why: string): MeshliftError {
  return new MeshliftError('missing-context', {
    where: `context ${context}`,
    why: `the kubeconfig ${file} ${why}`,
    next: `mend ${file}, or check it with: kubectl --kubeconfig ${file} --context ${context} version`,
  });
}
