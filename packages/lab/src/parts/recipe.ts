import { createHash } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { ENVOY_VERSION, type EnvoyWheel, envoyWheel } from './envoy.ts';
import { PartsError } from './errors.ts';
import { type GoArch, goArchOf } from './go-arch.ts';
import { type Component, GO_PROGRAMS, type GoProgram, ownPrograms } from './programs.ts';
import { SHARED_FILES } from './share.ts';

/** The Go module that pins and builds the programs. */
export const MODULE_FOLDER = fileURLToPath(new URL('../../parts', import.meta.url));

/** Raised when the layout of the cache changes, so that an older one is not taken for the new. */
const FORMAT = 1;

/**
 * The Istio module's VERSION file. The proxy serves this pre-release only under a pseudo-version, which does not
 * name it; the build compares the two (see share.ts), so raising the pin without this is an error.
 */
export const ISTIO_RELEASE_LINE = '1.31';

/** Everything that determines what a build gives; equal recipes give interchangeable parts. */
export interface Recipe {
  /** Names the build's folder in the cache. */
  readonly key: string;
  readonly goArch: GoArch;
  readonly programs: readonly ProgramRecipe[];
  /** Flags of `go build`; those of the compiler are among them. */
  readonly buildFlags: readonly string[];
  /** Flags of the compiler itself. */
  readonly compilerFlags: readonly string[];
  readonly envoy: EnvoyWheel;
  /** What each component must report as its version. */
  readonly versions: Readonly<Record<Component, string>>;
}

export interface ProgramRecipe extends GoProgram {
  /** Changes only when this program could change: an older build's with the same key is taken as it is. */
  readonly key: string;
}

/** What a recipe is computed from. */
export interface RecipeInputs {
  readonly goMod: string;
  readonly goSum: string;
  /** What our own Go programs are compiled from: path in the module folder → content. */
  readonly sources: ReadonlyMap<string, string>;
  readonly goArch: GoArch;
}

/** Reads the module and computes its recipe; takes milliseconds and runs no other program. */
export async function readRecipe(moduleFolder = MODULE_FOLDER): Promise<Recipe> {
  const [goMod, goSum, sources] = await Promise.all([
    readFile(join(moduleFolder, 'go.mod'), 'utf8'),
    readFile(join(moduleFolder, 'go.sum'), 'utf8'),
    readSources(moduleFolder),
  ]);
  return recipeOf({ goMod, goSum, sources, goArch: goArchOf(process.arch) });
}

const BUILD_FLAGS = [
  '-trimpath',
  '-buildvcs=false',
  // As Istio builds its own releases: without validators of Envoy's API that it never calls (5 % of all source).
  '-tags=disable_pgv',
];

// The linker would throw debugging information away (-w), so that making it is a waste (7 % of the time).
const COMPILER_FLAGS = ['-dwarf=false'];

export function recipeOf({ goMod, goSum, sources, goArch }: RecipeInputs): Recipe {
  const versions = pinnedVersions(goMod);
  const buildFlags = [...BUILD_FLAGS, gcflags(COMPILER_FLAGS), `-ldflags=${linkerFlags(versions, goMod)}`];
  const envoy = envoyWheel(goArch);
  const ownSources = [...sources].sort(([a], [b]) => (a < b ? -1 : 1));
  const programs = [...GO_PROGRAMS, ...ownPrograms(sources.keys())].map((program) => {
    const determinants = [FORMAT, goMod, goSum, goArch, buildFlags, program.package];
    return { ...program, key: digest([...determinants, isOurs(program) ? ownSources : []]) };
  });
  const key = digest([FORMAT, programs.map((program) => [program.name, program.key]), envoy, SHARED_FILES]);
  return { key, goArch, programs, buildFlags, compilerFlags: COMPILER_FLAGS, envoy, versions };
}

/** The flag of `go build` that gives the compiler its flags, for every package; the last one on a command line counts. */
export function gcflags(compilerFlags: readonly string[]): string {
  return `-gcflags=all=${compilerFlags.join(' ')}`;
}

function isOurs(program: GoProgram): boolean {
  return program.package.startsWith('./');
}

/** What the compiler may read, embedded files included; notes and tests don't change a program. */
async function readSources(moduleFolder: string): Promise<Map<string, string>> {
  const entries = await readdir(moduleFolder, { recursive: true, withFileTypes: true });
  const paths = entries
    .filter((entry) => entry.isFile())
    .map((entry) => relative(moduleFolder, join(entry.parentPath, entry.name)))
    .filter((path) => path.includes('/') && !/_test\.go$|\.md$|(^|\/)testdata\//.test(path));
  const contents = await Promise.all(
    paths.map(async (path) => [path, await readFile(join(moduleFolder, path), 'utf8')] as const),
  );
  return new Map(contents);
}

function pinnedVersions(goMod: string): Record<Component, string> {
  return {
    kubernetes: moduleVersion(goMod, 'k8s.io/kubernetes'),
    etcd: moduleVersion(goMod, 'go.etcd.io/etcd/server/v3').slice(1),
    // As Istio's own Makefile names a build that is not a release.
    istio: `${ISTIO_RELEASE_LINE}-dev`,
    coredns: moduleVersion(goMod, 'github.com/coredns/coredns').slice(1),
    envoy: ENVOY_VERSION,
  };
}

function moduleVersion(goMod: string, path: string): string {
  const line = goMod.split('\n').find((text) =>
    text
      .trim()
      .replace(/^require /, '')
      .startsWith(`${path} v`),
  );
  const version = line
    ?.trim()
    .replace(/^require /, '')
    .split(' ')[1];
  if (version === undefined) {
    throw new PartsError(
      `packages/lab/parts/go.mod does not require ${path}.`,
      'It pins the versions of the parts: restore it from the repository.',
    );
  }
  return version;
}

/**
 * Kubernetes and Istio learn their versions from the linker. Others rely on them: controllers refuse a cluster
 * that says v0.0.0, and istiod compares its own version with the proxies'. What the Go module does not tell,
 * such as the commit of a Kubernetes release, stays empty instead of a guess.
 */
function linkerFlags(versions: Record<Component, string>, goMod: string): string {
  const [major = '', minor = ''] = versions.kubernetes.slice(1).split('.');
  const istioModule = moduleVersion(goMod, 'istio.io/istio');
  const kubernetes = ['k8s.io/component-base/version', 'k8s.io/client-go/pkg/version'].flatMap((path) => [
    [`${path}.gitVersion`, versions.kubernetes],
    [`${path}.gitMajor`, major],
    [`${path}.gitMinor`, minor],
    [`${path}.gitCommit`, ''],
    [`${path}.gitTreeState`, 'archive'],
  ]);
  const istio = [
    ['istio.io/istio/pkg/version.buildVersion', versions.istio],
    ['istio.io/istio/pkg/version.buildGitRevision', istioModule.split('-').at(-1) ?? istioModule],
    ['istio.io/istio/pkg/version.buildTag', istioModule],
    ['istio.io/istio/pkg/version.buildStatus', 'Clean'],
  ];
  return ['-s', '-w', ...[...kubernetes, ...istio].map(([name, value]) => `-X ${name}=${value}`)].join(' ');
}

function digest(value: unknown): string {
  return createHash('sha256').update(JSON.stringify(value)).digest('hex').slice(0, 16);
}
