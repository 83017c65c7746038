import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { GO_PROGRAMS, goOutputName } from './programs.ts';
import { MODULE_FOLDER, type RecipeInputs, readRecipe, recipeOf } from './recipe.ts';

const goMod = `module m
require github.com/coredns/coredns v1.14.2
require (
	go.etcd.io/etcd/server/v3 v3.6.8 // indirect
	istio.io/istio v0.0.0-20260827124520-eed52ebb66ad // indirect
	k8s.io/kubernetes v1.36.3 // indirect
)
`;
const inputs: RecipeInputs = {
  goMod,
  goSum: 'sums',
  sources: new Map([
    ['init/main.go', 'package main'],
    ['coredns/main.go', 'package main'],
  ]),
  goArch: 'amd64',
};

function programKey(name: string, changed: Partial<RecipeInputs> = {}): string | undefined {
  return recipeOf({ ...inputs, ...changed }).programs.find((program) => program.name === name)?.key;
}

describe('recipeOf', () => {
  it('gives the same key for the same inputs, in whatever order the sources are read', () => {
    const reversed = new Map([...inputs.sources].reverse());
    expect(recipeOf({ ...inputs, sources: reversed }).key).toBe(recipeOf(inputs).key);
  });

  it.each<[string, Partial<RecipeInputs>]>([
    ['go.mod', { goMod: `${goMod}\n` }],
    ['go.sum', { goSum: 'other sums' }],
    ['the architecture', { goArch: 'arm64' }],
    [
      'a source of our own',
      { sources: new Map([...inputs.sources, ['init/main.go', 'package main // new']]) },
    ],
    ['a program more', { sources: new Map([...inputs.sources, ['more/main.go', 'package main']]) }],
  ])('gives another key when %s changes', (_what, changed) => {
    expect(recipeOf({ ...inputs, ...changed }).key).not.toBe(recipeOf(inputs).key);
  });

  it("keeps the keys of other people's programs when only a source of our own changes", () => {
    const changed = { sources: new Map([...inputs.sources, ['init/main.go', 'package main // new']]) };
    expect(programKey('kubelet', changed)).toBe(programKey('kubelet'));
    expect(programKey('labinit', changed)).not.toBe(programKey('labinit'));
  });

  it('takes the versions that the parts must report from the module', () => {
    expect(recipeOf(inputs).versions).toMatchObject({
      kubernetes: 'v1.36.3',
      etcd: '3.6.8',
      coredns: '1.14.2',
      istio: '1.31-dev',
    });
  });

  it('tells the linker versions, so that no program says v0.0.0 or unknown', () => {
    const ldflags = recipeOf(inputs).buildFlags.at(-1);
    expect(ldflags).toContain('-X k8s.io/component-base/version.gitVersion=v1.36.3');
    expect(ldflags).toContain('-X k8s.io/component-base/version.gitMinor=36');
    expect(ldflags).toContain('-X istio.io/istio/pkg/version.buildGitRevision=eed52ebb66ad');
  });

  it('names the module that go.mod lacks', () => {
    expect(() => recipeOf({ ...inputs, goMod: goMod.replace('k8s.io/kubernetes', 'k8s.io/other') })).toThrow(
      'go.mod does not require k8s.io/kubernetes',
    );
  });
});

describe('readRecipe', () => {
  it('minds files that are embedded into a program, and no tests or notes', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'meshlift-recipe-'));
    const write = async (path: string, text: string) => {
      await mkdir(join(folder, path, '..'), { recursive: true });
      await writeFile(join(folder, path), text);
      return (await readRecipe(folder)).key;
    };
    try {
      await writeFile(join(folder, 'go.sum'), '');
      await writeFile(join(folder, 'go.mod'), goMod);
      const key = await write('systemd/main.go', 'package main');
      expect(await write('systemd/main_test.go', 'package main')).toBe(key);
      expect(await write('systemd/notes.md', '')).toBe(key);
      expect(await write('systemd/units/basic.target', '[Unit]')).not.toBe(key);
    } finally {
      await rm(folder, { recursive: true });
    }
  });
});

describe("the lab's own module", () => {
  it('has a tool line for every program that it builds of others, and no more', async () => {
    const text = await readFile(join(MODULE_FOLDER, 'go.mod'), 'utf8');
    const tools = /^tool \(\n([^)]*)\)/m.exec(text)?.[1]?.trim().split(/\s+/);
    expect(tools).toEqual(GO_PROGRAMS.map((program) => program.package).sort());
  });

  it('gives every program a name of its own, in the cache and from Go', async () => {
    const { programs } = await readRecipe();
    expect(new Set(programs.map(({ name }) => name)).size).toBe(programs.length);
    expect(new Set(programs.map(goOutputName)).size).toBe(programs.length);
  });
});
