import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { parse, stringify } from 'yaml';
import type { Istioctl } from '../actions/install-mesh.ts';
import type { KubeObject } from '../effects/kube/port.ts';
import type { MemberCluster } from '../engine/context.ts';
import { MeshliftError } from '../errors/error.ts';

const run = promisify(execFile);
/** Installing waits until what was installed is ready. */
const longestMs = 10 * 60_000;

/** The istioctl on the user's PATH, with the user's kubeconfig: nothing is downloaded. */
export function istioctlOnPath(options: {
  readonly kubeconfig?: string | undefined;
  readonly signal: AbortSignal;
}): Istioctl {
  const call = async (what: string, args: readonly string[]): Promise<string> => {
    try {
      const { stdout } = await run('istioctl', [...args], {
        signal: options.signal,
        timeout: longestMs,
        maxBuffer: 16 * 1024 * 1024,
      });
      return stdout;
    } catch (error) {
      options.signal.throwIfAborted();
      throw failure(what, error as NodeJS.ErrnoException & { stderr?: string });
    }
  };
  const at = ({ member }: MemberCluster): readonly string[] => {
    const file = member.kubeconfig ?? options.kubeconfig;
    return ['--context', member.context, ...(file ? ['--kubeconfig', file] : [])];
  };
  return {
    async version() {
      const text = await call('tell its version', ['version', '--remote=false', '-o', 'json']);
      return (
        (JSON.parse(text) as { clientVersion?: { version?: string } }).clientVersion?.version ?? 'unknown'
      );
    },
    async install(member, operator) {
      const folder = await mkdtemp(join(tmpdir(), 'meshlift-install-'));
      try {
        const file = join(folder, 'operator.yaml');
        await writeFile(file, stringify(operator), { mode: 0o600 });
        await call(`install into ${member.name}`, [
          'install',
          '--skip-confirmation',
          '-f',
          file,
          ...at(member),
        ]);
      } finally {
        await rm(folder, { recursive: true });
      }
    },
    async remoteSecret(member, clusterName, istioNamespace) {
      const text = await call(`make a remote secret of ${member.name}`, [
        'create-remote-secret',
        '--name',
        clusterName,
        '--istioNamespace',
        istioNamespace,
        ...at(member),
      ]);
      return parse(text) as KubeObject;
    },
  };
}

function failure(what: string, error: NodeJS.ErrnoException & { stderr?: string }): MeshliftError {
  if (error.code === 'ENOENT') {
    return new MeshliftError('istioctl-failed', {
      where: 'istioctl',
      why: 'there is none on your PATH',
      next: 'install the release that your mesh runs (istio.io/latest/docs/setup/additional-setup/download-istio-release)',
    });
  }
  const said = error.stderr?.trim().split('\n').slice(-5).join('\n  ');
  return new MeshliftError('istioctl-failed', {
    where: `istioctl, to ${what}`,
    why: said || error.message,
    next: 'mend that, then: meshlift mesh install (what is done already is not done twice)',
    cause: error,
  });
}
