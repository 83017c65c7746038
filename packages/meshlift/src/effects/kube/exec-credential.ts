import { spawn } from 'node:child_process';
import path from 'node:path';
import { MeshliftError } from '../../errors/error.ts';
import type { Credential } from './credential.ts';

/** A kubeconfig user's `exec` entry: a program that prints a credential, such as gke-gcloud-auth-plugin. */
export interface ExecPlugin {
  readonly apiVersion: string;
  readonly command: string;
  readonly args?: readonly string[] | null;
  readonly env?: readonly { readonly name: string; readonly value: string }[] | null;
  readonly installHint?: string;
  readonly provideClusterInfo?: boolean;
}

interface ExecStatus {
  readonly token?: string;
  readonly clientCertificateData?: string;
  readonly clientKeyData?: string;
  readonly expirationTimestamp?: string;
}

/** A credential this close to its end may expire on the way to the server. */
const renewBeforeMs = 30_000;

/** Runs the plugin when there is no credential yet, it is about to expire, or `renew` says it was turned down. */
export function execCredential(
  plugin: ExecPlugin,
  cluster: { readonly server: string; readonly 'certificate-authority-data'?: string },
  folder: string,
  context: string,
): (renew: boolean) => Promise<Credential> {
  let held: { status: Promise<ExecStatus> } | undefined;

  return async (renew) => {
    if (held === undefined || renew || expired(await held.status)) {
      const status = runPlugin(plugin, cluster, folder, context);
      held = { status };
      // A plugin that failed is asked again next time; the rejection itself reaches this call's own await.
      status.catch(() => {
        held = undefined;
      });
    }
    const { token, clientCertificateData: cert, clientKeyData: key } = await held.status;
    return {
      headers: token === undefined ? {} : { Authorization: `Bearer ${token}` },
      ...(cert !== undefined && { cert }),
      ...(key !== undefined && { key }),
    };
  };
}

function expired({ expirationTimestamp }: ExecStatus): boolean {
  return expirationTimestamp !== undefined && Date.parse(expirationTimestamp) - renewBeforeMs < Date.now();
}

async function runPlugin(
  plugin: ExecPlugin,
  cluster: { readonly server: string; readonly 'certificate-authority-data'?: string },
  folder: string,
  context: string,
): Promise<ExecStatus> {
  const info = {
    apiVersion: plugin.apiVersion,
    kind: 'ExecCredential',
    spec: { interactive: false, ...(plugin.provideClusterInfo && { cluster }) },
  };
  const env: NodeJS.ProcessEnv = { ...process.env, KUBERNETES_EXEC_INFO: JSON.stringify(info) };
  for (const { name, value } of plugin.env ?? []) {
    env[name] = value;
  }
  // As kubectl: a command with a slash is relative to the kubeconfig, a bare name is looked up in PATH.
  const command = plugin.command.includes('/') ? path.resolve(folder, plugin.command) : plugin.command;
  const { stdout, stderr, code, error } = await capture(command, plugin.args ?? [], env);
  const status = code === 0 ? readStatus(stdout) : undefined;
  if (status !== undefined) {
    return status;
  }
  const said = error?.message ?? (stderr.trim() || `it ended with ${code} and printed no ExecCredential`);
  throw new MeshliftError('cluster-forbidden', {
    where: `context ${context}`,
    why: `its credential plugin ${plugin.command} gave no credential: ${said}`,
    next: plugin.installHint ?? `run it by hand to see why: ${[command, ...(plugin.args ?? [])].join(' ')}`,
    cause: error,
  });
}

function readStatus(stdout: string): ExecStatus | undefined {
  try {
    return (JSON.parse(stdout) as { status?: ExecStatus }).status;
  } catch {
    return undefined; // said by the caller, with what the plugin wrote to stderr
  }
}

function capture(
  command: string,
  args: readonly string[],
  env: NodeJS.ProcessEnv,
): Promise<{ stdout: string; stderr: string; code: number | null; error?: Error }> {
  return new Promise((resolve) => {
    const child = spawn(command, args, { env, stdio: ['ignore', 'pipe', 'pipe'], timeout: 30_000 });
    let stdout = '';
    let stderr = '';
    child.stdout.setEncoding('utf8').on('data', (chunk: string) => {
      stdout += chunk;
    });
    child.stderr.setEncoding('utf8').on('data', (chunk: string) => {
      stderr += chunk;
    });
    child.once('error', (error) => resolve({ stdout, stderr, code: null, error }));
    child.once('close', (code) => resolve({ stdout, stderr, code }));
  });
}
