import { chmod, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { partsFolder } from './cache.ts';
import { describeFiles, writeManifest } from './manifest.ts';
import { type Recipe, readRecipe } from './recipe.ts';
import { SHARED_FILES } from './share.ts';

/**
 * A world in which parts are made in milliseconds: a small module, a cache, and a folder of programs to put first on
 * the PATH, in which `go` is a shell script that "builds" shell scripts which report the pinned versions.
 */
export interface FakeWorld {
  readonly root: string;
  readonly cacheDir: string;
  readonly moduleFolder: string;
  /** To be put first on the PATH. */
  readonly tools: string;
  /** A line per `go build`: its process id. */
  readonly builds: string;
  /** While this file exists, `go build` does not end. */
  readonly hold: string;
}

const GO_MOD = `module meshlift.dev/lab/parts
require github.com/coredns/coredns v1.14.2
require go.etcd.io/etcd/server/v3 v3.6.8 // indirect
require istio.io/istio v0.0.0-20260827124520-eed52ebb66ad // indirect
require k8s.io/kubernetes v1.36.3 // indirect
`;

export const FAKE_PROGRAM = `#!/bin/sh
echo "Kubernetes v1.36.3
Client Version: v1.36.3
client version: 1.31-dev
etcd Version: 3.6.8
CoreDNS-1.14.2
envoy  version: 9e5580933739775e8bce696a57a2e1bc99368f23/1.40.0/Clean/RELEASE/BoringSSL"
`;

export async function fakeWorld(): Promise<FakeWorld> {
  const root = await mkdtemp(join(tmpdir(), 'meshlift-parts-'));
  const world = {
    root,
    cacheDir: join(root, 'cache'),
    moduleFolder: join(root, 'module'),
    tools: join(root, 'tools'),
    builds: join(root, 'builds'),
    hold: join(root, 'hold'),
  };
  await writeFiles(root, {
    'module/go.mod': GO_MOD,
    'module/go.sum': '',
    'module/coredns/main.go': 'package main',
    'modules/istio.io/istio/VERSION': '1.31\n',
    ...Object.fromEntries(SHARED_FILES.map(([module, from, to]) => [`modules/${module}/${from}`, `${to}\n`])),
  });
  await writeProgram(join(world.tools, 'program'), FAKE_PROGRAM);
  await writeProgram(join(world.tools, 'go'), fakeGo(world));
  return world;
}

export async function removeWorld(world: FakeWorld): Promise<void> {
  await rm(world.root, { recursive: true });
}

function fakeGo({ root, tools, builds, hold }: FakeWorld): string {
  return `#!/bin/sh
case $1 in
  env) printf 'go1.26.8\\n/nonexistent\\n' ;;
  mod) shift 3; for module; do printf '{\\n"Path": "%s",\\n"Dir": "${root}/modules/%s"\\n}\\n' "$module" "$module"; done ;;
  list) for package; do case $package in list|-*) continue ;; esac; printf '{\\n"ImportPath": "%s"\\n}\\n' "$package"; done ;;
  build)
    echo $$ >>'${builds}'
    while [ "$1" != -o ]; do shift; done
    bin=$2; shift 2
    for package; do
      path=\${package%/v3}
      echo "$package" >&2
      rm -f "$bin/\${path##*/}"; cp '${tools}/program' "$bin/\${path##*/}"
      while [ -e '${hold}' ]; do sleep 0.01; done
    done ;;
esac
`;
}

/** Puts a complete build into the cache, as if an earlier version of the lab had made it, or this one. */
export async function seedBuild(
  { cacheDir, moduleFolder }: FakeWorld,
  key: string | 'current',
  programKeys: (recipe: Recipe) => Record<string, string>,
): Promise<string> {
  const recipe = await readRecipe(moduleFolder);
  const actualKey = key === 'current' ? recipe.key : key;
  const dir = join(partsFolder(cacheDir), actualKey);
  const programs = programKeys(recipe);
  for (const name of Object.keys(programs)) await writeProgram(join(dir, 'bin', name), FAKE_PROGRAM);
  await writeFiles(join(dir, 'share'), Object.fromEntries(SHARED_FILES.map(([, , to]) => [to, `${to}\n`])));
  await writeManifest(dir, {
    key: actualKey,
    goArch: recipe.goArch,
    made: '2026-01-01T00:00:00.000Z',
    versions: { ...recipe.versions },
    programs,
    files: await describeFiles(dir),
  });
  return dir;
}

/** Keys of everything that the recipe has, for a complete build. */
export function allPrograms(recipe: Recipe): Record<string, string> {
  return {
    ...Object.fromEntries(recipe.programs.map(({ name, key }) => [name, key])),
    envoy: recipe.envoy.sha256,
  };
}

export async function writeProgram(path: string, text: string): Promise<void> {
  await mkdir(join(path, '..'), { recursive: true });
  await writeFile(path, text);
  await chmod(path, 0o755);
}

async function writeFiles(folder: string, files: Record<string, string>): Promise<void> {
  for (const [path, text] of Object.entries(files)) {
    await mkdir(join(folder, path, '..'), { recursive: true });
    await writeFile(join(folder, path), text);
  }
}
