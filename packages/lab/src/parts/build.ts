import { mkdir, readdir, rename, rm, stat } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { type CachedBuild, reusePrograms } from './cache.ts';
import { checkPrograms, versionsOf } from './check.ts';
import { fetchEnvoy } from './envoy.ts';
import { PartsError } from './errors.ts';
import { findGo, type Go, runGo } from './go.ts';
import { describeFiles, type Manifest, writeManifest } from './manifest.ts';
import { BuildGraph, type ListedPackage, parsePackageList, remainingMs } from './package-graph.ts';
import { goOutputName } from './programs.ts';
import type { Reporter } from './progress.ts';
import { gcflags, ISTIO_RELEASE_LINE, type ProgramRecipe, type Recipe } from './recipe.ts';
import { requireRoom } from './requirements.ts';
import { checkIstioReleaseLine, copySharedFiles, SHARED_MODULES } from './share.ts';

export interface BuildOptions {
  readonly recipe: Recipe;
  readonly moduleFolder: string;
  readonly cacheDir: string;
  /** An empty folder (with an empty `bin`) to fill. */
  readonly folder: string;
  /** Earlier builds: what the recipe would make again just so is taken from them. */
  readonly older: readonly CachedBuild[];
  readonly reporter: Reporter;
  readonly signal: AbortSignal;
}

/** Fills `folder` with all parts and, last, their manifest. */
export async function buildParts(options: BuildOptions): Promise<Manifest> {
  const { recipe, folder, reporter, signal } = options;
  for (const { name } of [...recipe.programs, { name: 'envoy' }]) {
    reporter.part({ name, state: 'waiting', done: 0 });
  }
  await requireRoom(folder);
  // What may be missing on the machine is asked for first, and Envoy is quick: fail before the long work.
  const scratch = join(folder, 'scratch');
  await mkdir(scratch);
  const go = await findGo(options.cacheDir, scratch, recipe.goArch, signal);
  await placeEnvoy(scratch, options);
  const moduleFolders = await locateModules(go, options);
  await checkIstioReleaseLine(moduleFolders('istio.io/istio'), ISTIO_RELEASE_LINE);
  await copySharedFiles(join(folder, 'share'), moduleFolders);
  await placePrograms(go, options);
  await rm(scratch, { recursive: true });

  reporter.doing('checking that every part runs');
  reporter.remaining(3000);
  const versions = await checkVersions(join(folder, 'bin'), recipe, signal);
  const manifest: Manifest = {
    key: recipe.key,
    goArch: recipe.goArch,
    made: new Date().toISOString(),
    versions,
    programs: {
      ...Object.fromEntries(recipe.programs.map(({ name, key }) => [name, key])),
      envoy: recipe.envoy.sha256,
    },
    files: await describeFiles(folder),
  };
  await writeManifest(folder, manifest);
  return manifest;
}

async function placeEnvoy(
  scratch: string,
  { recipe, folder, older, reporter, signal }: BuildOptions,
): Promise<void> {
  const envoy = { name: 'envoy', key: recipe.envoy.sha256, outputName: 'envoy.old' };
  const bin = join(folder, 'bin');
  const same = older.filter(({ manifest }) => manifest.programs.envoy === envoy.key);
  if (!(await reusePrograms(same, [envoy], bin)).has('envoy')) {
    reporter.part({ name: 'envoy', state: 'fetching', done: 0 });
    reporter.doing(`fetching Envoy ${recipe.envoy.version} (37 MB)`);
    await fetchEnvoy(recipe.envoy, join(bin, 'envoy'), join(scratch, 'envoy'), signal);
  }
  reporter.part({ name: 'envoy', state: 'ready', done: 1 });
}

/** Where Go keeps the modules that files are copied from; fetches them if it has to. */
async function locateModules(
  go: Go,
  { moduleFolder, reporter, signal }: BuildOptions,
): Promise<(module: string) => string> {
  reporter.doing('fetching Go modules');
  let fetched = 0;
  const listed = await runGo(go, ['mod', 'download', '-json', ...SHARED_MODULES], moduleFolder, signal, () =>
    reporter.doing(`fetching Go modules (${++fetched})`),
  );
  const folders = new Map(
    listed.stdout
      .split(/^}\n/m)
      .filter((text) => text.trim() !== '')
      .map((text): [string, string] => {
        const { Path, Dir } = JSON.parse(`${text}}`);
        return [Path, Dir];
      }),
  );
  return (module) => {
    const found = folders.get(module);
    if (found === undefined) throw new PartsError(`Go did not say where it keeps ${module}.`, 'Report this.');
    return found;
  };
}

async function placePrograms(go: Go, options: BuildOptions): Promise<void> {
  const { recipe, folder, older, reporter } = options;
  const bin = join(folder, 'bin');
  const candidates = recipe.programs.map((program) => ({ ...program, outputName: goOutputName(program) }));
  const reused = await reusePrograms(older, candidates, bin);
  for (const name of reused) reporter.part({ name, state: 'ready', done: 1 });
  const open = candidates.filter(({ name }) => !reused.has(name));
  if (open.length === 0) return;
  await compile(go, open, options);
  for (const { name, outputName } of open) {
    if (name !== outputName) await rename(join(bin, outputName), join(bin, name));
  }
}

/** Within this time Go has begun to compile, if it has to compile anything. */
const LOOKS_THROUGH_CACHE_MS = 5000;

type OpenProgram = ProgramRecipe & { readonly outputName: string };

async function compile(go: Go, programs: readonly OpenProgram[], options: BuildOptions): Promise<void> {
  const { recipe, moduleFolder, reporter, signal } = options;
  const bin = join(options.folder, 'bin');
  const graph = await readGraph(go, programs, options);
  const started = performance.now();
  const linkedBefore = await fileTimes(bin);
  let current: string | null = null;

  const cores = availableParallelism();
  const report = async () => {
    const times = await fileTimes(bin);
    const elapsed = performance.now() - started;
    if (elapsed > LOOKS_THROUGH_CACHE_MS) graph.nothingToCompile();
    for (const { name, outputName } of programs) {
      const time = times.get(outputName);
      if (time !== undefined && time !== linkedBefore.get(outputName)) graph.programLinked(name);
      reporter.part(
        graph.isLinked(name)
          ? { name, state: 'ready', done: 1 }
          : { name, state: graph.isLinking(name) ? 'linking' : 'compiling', done: graph.compiled(name) },
      );
    }
    const linking = programs.filter(({ name }) => graph.isLinking(name)).map(({ name }) => name);
    const doing = current === null ? 'looking for what is new' : `compiling ${current}`;
    const what = linking.length > 3 ? `${linking.length} programs` : linking.join(', ');
    reporter.doing(linking.length > 0 ? `linking ${what}` : doing);
    const nothingKnown = current === null && elapsed <= LOOKS_THROUGH_CACHE_MS;
    reporter.remaining(nothingKnown ? null : remainingMs(graph.work(), elapsed, cores));
  };
  const stopReporting = every(500, report);
  try {
    await runGo(
      go,
      [
        ...['build', '-v', '-o', `${bin}/`, ...recipe.buildFlags, ...paceFlags(recipe, cores)],
        ...programs.map((program) => program.package),
      ],
      moduleFolder,
      signal,
      (line) => {
        if (!graph.has(line)) return; // a module being fetched, or a compiler's message, told if the build fails
        current = line;
        graph.packageStarted(line);
      },
    );
  } finally {
    await stopReporting();
  }
  for (const { name } of programs) reporter.part({ name, state: 'ready', done: 1 });
}

/**
 * Flags that change how long compiling takes, not what it gives. On few cores there are always more packages at hand than
 * cores: a compiler that also divides its own work among them takes an eighth more processor time (measured on two).
 */
export function paceFlags(
  { compilerFlags }: Pick<Recipe, 'compilerFlags'>,
  cores: number,
): readonly string[] {
  return cores <= 4 ? [gcflags([...compilerFlags, '-c=1'])] : [];
}

/** What the programs are compiled from: takes seconds, after the modules are fetched, which this does. */
async function readGraph(
  go: Go,
  programs: readonly OpenProgram[],
  { recipe, moduleFolder, reporter, signal }: BuildOptions,
): Promise<BuildGraph> {
  reporter.doing('fetching Go modules and reading what to compile');
  let fetched = 0;
  const { stdout } = await runGo(
    go,
    [
      ...['list', '-deps', '-json=ImportPath,Imports,ImportMap,Dir,GoFiles', ...recipe.buildFlags],
      ...programs.map((program) => program.package),
    ],
    moduleFolder,
    signal,
    (line) => {
      if (line.startsWith('go: downloading ')) reporter.doing(`fetching Go modules (${++fetched})`);
    },
  );
  const packages = parsePackageList(stdout);
  const mains = new Map(programs.map((program) => [program.name, importPath(program.package, packages)]));
  return new BuildGraph(packages, await sourceSizes(packages), mains);
}

function importPath(goPackage: string, packages: readonly ListedPackage[]): string {
  if (!goPackage.startsWith('./')) return goPackage;
  return (
    packages.find(({ ImportPath }) => ImportPath.endsWith(`/lab/parts/${goPackage.slice(2)}`))?.ImportPath ??
    goPackage
  );
}

async function sourceSizes(packages: readonly ListedPackage[]): Promise<Map<string, number>> {
  const sizes = new Map<string, number>();
  // One package at a time, its files at once: twenty thousand files must not be open together.
  for (const { ImportPath, Dir, GoFiles = [] } of packages) {
    if (Dir === undefined) continue;
    const files = await Promise.all(GoFiles.map(async (name) => (await stat(join(Dir, name))).size));
    sizes.set(
      ImportPath,
      files.reduce((sum, size) => sum + size, 0),
    );
  }
  return sizes;
}

async function fileTimes(folder: string): Promise<Map<string, number>> {
  const times = new Map<string, number>();
  for (const name of await readdir(folder)) {
    const found = await stat(join(folder, name)).catch(() => null); // Go replaces files under our eyes
    if (found !== null) times.set(name, found.mtimeMs);
  }
  return times;
}

/** Repeats `task`, never two at once, until the returned function is called, which waits for the last to end. */
function every(milliseconds: number, task: () => Promise<void>): () => Promise<void> {
  let stopped = false;
  let timer: NodeJS.Timeout | undefined;
  let running = Promise.resolve();
  let failure: { readonly error: unknown } | null = null;
  const next = () => {
    running = task().then(
      () => {
        if (!stopped) timer = setTimeout(next, milliseconds);
      },
      (error) => {
        failure = { error };
      },
    );
  };
  next();
  return async () => {
    stopped = true;
    clearTimeout(timer);
    await running;
    if (failure !== null) throw failure.error;
  };
}

/** Runs every program, and compares the version that it reports with the one that it was built from. */
async function checkVersions(
  bin: string,
  recipe: Recipe,
  signal: AbortSignal,
): Promise<Record<string, string>> {
  const checked = await Promise.all(checkPrograms(bin, recipe, signal));
  for (const { name, component, version } of checked) {
    if (component === null || version === recipe.versions[component]) continue;
    throw new PartsError(
      `${name} was built from ${component} ${recipe.versions[component]} but reports ${version}.`,
      'The linker flags in packages/lab/src/parts/recipe.ts no longer reach its version variable.',
    );
  }
  return versionsOf(checked);
}
