import { createHash, randomBytes } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { chmod, copyFile, glob, mkdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { pipeline } from 'node:stream/promises';
import { isNotFound, run } from '../parts/child.ts';
import { PartsError } from '../parts/errors.ts';
import { withLock } from '../parts/lock.ts';

export interface SidecarPackage {
  /** The .deb file. */
  readonly path: string;
  readonly sha256: string;
  /** As dpkg compares it. */
  readonly version: string;
}

export interface SidecarPackageOptions {
  readonly parts: {
    bin(name: string): string;
    share(path: string): string;
    /** `istio` names the version of the package. */
    readonly versions: Readonly<Record<string, string>>;
  };
  /** Meshlift's cache folder, as in `$XDG_CACHE_HOME/meshlift`. */
  readonly cacheDir: string;
  readonly signal: AbortSignal;
}

/** Where the package puts what, as Istio's own does (tools/packaging/packaging.mk). */
const LAYOUT: readonly { from: 'bin' | 'share'; name: string; to: string; mode: number }[] = [
  { from: 'bin', name: 'pilot-agent', to: 'usr/local/bin/pilot-agent', mode: 0o755 },
  { from: 'bin', name: 'envoy', to: 'usr/local/bin/envoy', mode: 0o755 },
  { from: 'share', name: 'istio/istio-start.sh', to: 'usr/local/bin/istio-start.sh', mode: 0o755 },
  { from: 'share', name: 'istio/istio.service', to: 'lib/systemd/system/istio.service', mode: 0o644 },
  { from: 'share', name: 'istio/sidecar.env', to: 'var/lib/istio/envoy/sidecar.env', mode: 0o644 },
  {
    from: 'share',
    name: 'istio/envoy_bootstrap.json',
    to: 'var/lib/istio/envoy/envoy_bootstrap_tmpl.json',
    mode: 0o644,
  },
  // Makes the user istio-proxy and the folders that it owns.
  { from: 'share', name: 'istio/postinst.sh', to: 'DEBIAN/postinst', mode: 0o755 },
];

const CONFIGURATION_FILES = [
  '/var/lib/istio/envoy/envoy_bootstrap_tmpl.json',
  '/var/lib/istio/envoy/sidecar.env',
];

/** Counts changes to the package that don't show in LAYOUT. */
const RECIPE = 2;

/**
 * Gives a package `istio-sidecar` for the lab's VMs, of the same parts that its clusters run: Istio's agent and an
 * Envoy, laid out and set up as by Istio's own package. Made on first use (about a second) and kept.
 *
 * @throws PartsError if a part or dpkg-deb is missing; the signal's reason if it aborts.
 */
export async function ensureSidecarPackage({
  parts,
  cacheDir,
  signal,
}: SidecarPackageOptions): Promise<SidecarPackage> {
  const version = debianVersion(parts.versions.istio ?? '');
  const sources = LAYOUT.map(({ from, name }) => parts[from](name));
  const folder = path.join(cacheDir, 'sidecar', await packageKey(version, sources));
  const found = await read(folder);
  if (found) return found;
  const parent = path.dirname(folder);
  await mkdir(parent, { recursive: true });
  return withLock(
    path.join(parent, 'lock'),
    signal,
    () => {},
    async () => {
      const meanwhile = await read(folder);
      if (meanwhile) return meanwhile;
      const unfinished = path.join(parent, `unfinished-${randomBytes(4).toString('hex')}`);
      try {
        await make(unfinished, version, sources, signal);
        await rename(unfinished, folder);
        await removeOldest(parent);
      } finally {
        await rm(unfinished, { recursive: true, force: true });
      }
      const made = await read(folder);
      if (!made) throw new Error(`${folder} vanished while it was being made`);
      return made;
    },
  );
}

/** Labs of earlier parts may still run, and hand out their package. */
const KEPT = 4;

async function removeOldest(parent: string): Promise<void> {
  const packages: { folder: string; made: number }[] = [];
  for await (const record of glob(`*/${RECORD}`, { cwd: parent })) {
    const folder = path.join(parent, path.dirname(record));
    packages.push({ folder, made: (await stat(folder)).mtimeMs });
  }
  const oldest = packages.sort((a, b) => b.made - a.made).slice(KEPT);
  for (const { folder } of oldest) await rm(folder, { recursive: true });
}

const FILE = 'istio-sidecar.deb';
const RECORD = 'package.json';

async function read(folder: string): Promise<SidecarPackage | null> {
  try {
    const record: { sha256: string; version: string } = JSON.parse(
      await readFile(path.join(folder, RECORD), 'utf8'),
    );
    return { path: path.join(folder, FILE), ...record };
  } catch (error) {
    if (isNotFound(error)) return null;
    throw error;
  }
}

async function make(folder: string, version: string, sources: string[], signal: AbortSignal): Promise<void> {
  const tree = path.join(folder, 'tree');
  for (const [index, { to, mode }] of LAYOUT.entries()) {
    const target = path.join(tree, to);
    await mkdir(path.dirname(target), { recursive: true, mode: 0o755 });
    await copyFile(sources[index] ?? '', target);
    await chmod(target, mode);
  }
  await writeFile(path.join(tree, 'DEBIAN/control'), control(version));
  await writeFile(path.join(tree, 'DEBIAN/conffiles'), `${CONFIGURATION_FILES.join('\n')}\n`);
  const file = path.join(folder, FILE);
  // It goes to the VM once and is kept on this machine: quick to pack and unpack matters, its size doesn't.
  const argv = ['dpkg-deb', '--root-owner-group', '-Zzstd', '-z1', '--build', tree, file] as const;
  // With a fixed date in it, the same parts make the same package.
  const env = { ...process.env, SOURCE_DATE_EPOCH: `${Date.UTC(2026, 0) / 1000}` };
  const { code, stderr } = await run({ argv: [...argv], env, signal }).catch((error: unknown) => {
    throw isNotFound(error) ? MISSING_DPKG() : error;
  });
  if (code !== 0) throw new Error(`The package ${FILE} could not be built: ${stderr}`);
  const hash = createHash('sha256');
  await pipeline(createReadStream(file), hash);
  await writeFile(path.join(folder, RECORD), JSON.stringify({ sha256: hash.digest('hex'), version }));
  await rm(tree, { recursive: true });
}

const MISSING_DPKG = (): PartsError =>
  new PartsError(
    'dpkg-deb is needed to build the package of the sidecar for VMs, and is not on the PATH.',
    'Install it: sudo apt-get install -y --no-install-recommends dpkg',
  );

function control(version: string): string {
  return `Package: istio-sidecar
Version: ${version}
Architecture: ${process.arch === 'arm64' ? 'arm64' : 'amd64'}
Maintainer: Meshlift lab <istio@istio.io>
Vendor: meshlift.dev
Section: net
Priority: optional
Homepage: https://istio.io
Depends: hostname, iproute2, iptables, sudo
Description: Istio Sidecar
 Istio's agent and an Envoy for a virtual machine, built by the lab from the
 parts that its clusters run.
`;
}

/**
 * The version of the package: Istio's own, which starts with a digit.
 *
 * @throws if there is none that dpkg would take.
 */
export function debianVersion(istio: string): string {
  const version = istio.replace(/^v/, '');
  if (!/^[0-9][A-Za-z0-9.+~-]*$/.test(version))
    throw new Error(
      `"${istio}" can't be the version of a Debian package; the parts must say which Istio they are.`,
    );
  return version;
}

/** The parts' files are known by size and time: reading 140 MB each time to tell nothing has changed would take longer. */
async function packageKey(version: string, sources: string[]): Promise<string> {
  const files = await Promise.all(
    sources.map(async (source) => {
      const { size, mtimeMs } = await stat(source);
      return [source, size, mtimeMs];
    }),
  );
  return createHash('sha256')
    .update(JSON.stringify([RECIPE, LAYOUT, version, files]))
    .digest('hex')
    .slice(0, 16);
}
