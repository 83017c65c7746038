import { chmod, copyFile, mkdir, readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { PartsError } from './errors.ts';

/** A file that a part needs beside its binary, copied out of a Go module: module, path in it, path in `share/`. */
type SharedFile = readonly [module: string, from: string, to: string];

const ISTIO = 'istio.io/istio';

/** What Istio's own package for virtual machines holds beside the binaries, and the runtime's API. */
export const SHARED_FILES: readonly SharedFile[] = [
  [ISTIO, 'tools/packaging/common/envoy_bootstrap.json', 'istio/envoy_bootstrap.json'],
  [ISTIO, 'tools/packaging/common/istio-start.sh', 'istio/istio-start.sh'],
  [ISTIO, 'tools/packaging/common/istio.service', 'istio/istio.service'],
  [ISTIO, 'tools/packaging/common/sidecar.env', 'istio/sidecar.env'],
  [ISTIO, 'tools/packaging/postinst.sh', 'istio/postinst.sh'],
  [ISTIO, 'LICENSE', 'istio/LICENSE'],
  ['k8s.io/cri-api', 'pkg/apis/runtime/v1/api.proto', 'cri/api.proto'],
];

/** The modules that they come from. */
export const SHARED_MODULES: readonly string[] = [...new Set(SHARED_FILES.map(([module]) => module))];

/** Copies the shared files into `share`. `moduleFolder` says where Go keeps a module's files. */
export async function copySharedFiles(
  share: string,
  moduleFolder: (module: string) => string,
): Promise<void> {
  for (const [module, from, to] of SHARED_FILES) {
    const target = join(share, to);
    await mkdir(dirname(target), { recursive: true });
    await copyFile(join(moduleFolder(module), from), target);
    // Go keeps its modules read-only, and that mode is copied too.
    await chmod(target, from.endsWith('.sh') ? 0o755 : 0o644);
  }
}

/** A build must not claim a release line that the pinned module is not of. */
export async function checkIstioReleaseLine(istioFolder: string, claimed: string): Promise<void> {
  const actual = (await readFile(join(istioFolder, 'VERSION'), 'utf8')).trim();
  if (actual !== claimed) {
    throw new PartsError(
      `The pinned Istio module is of the ${actual} line, but packages/lab/src/parts/recipe.ts says ${claimed}.`,
      `Set ISTIO_RELEASE_LINE to '${actual}'.`,
    );
  }
}
