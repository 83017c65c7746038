import { describe, expect, it } from 'vitest';
import { BuildGraph, parsePackageList, remainingMs } from './package-graph.ts';

/** Two programs that share `lib`, which imports `fmt`; `big` is the second one's alone. */
function graph(): BuildGraph {
  const packages = [
    { ImportPath: 'fmt' },
    { ImportPath: 'vendor/golang.org/x/net', Imports: ['fmt'] },
    {
      ImportPath: 'lib',
      Imports: ['fmt', 'golang.org/x/net'],
      ImportMap: { 'golang.org/x/net': 'vendor/golang.org/x/net' },
    },
    { ImportPath: 'big', Imports: ['lib'] },
    { ImportPath: 'one', Imports: ['lib'] },
    { ImportPath: 'two', Imports: ['big', 'lib'] },
  ];
  const weights = new Map([
    ['fmt', 100],
    ['vendor/golang.org/x/net', 100],
    ['lib', 200],
    ['big', 500],
    ['one', 50],
    ['two', 50],
  ]);
  return new BuildGraph(
    packages,
    weights,
    new Map([
      ['first', 'one'],
      ['second', 'two'],
    ]),
  );
}

describe('BuildGraph', () => {
  it('takes the start of a package as proof that all it imports is done, although Go prints nothing of what it had cached', () => {
    const build = graph();
    build.packageStarted('big');
    expect(build.compiled('first')).toBeCloseTo(400 / 450);
    expect(build.compiled('second')).toBeCloseTo(400 / 950);
  });

  it('counts only what was compiled now as spent', () => {
    const cached = graph();
    cached.packageStarted('big');
    expect(cached.work().spent).toBe(0);

    const cold = graph();
    for (const path of ['fmt', 'vendor/golang.org/x/net', 'lib', 'big']) cold.packageStarted(path);
    expect(cold.work().spent).toBe(400);
    expect(cold.work().left).toBe(cached.work().left);
  });

  it('says that a program is being linked once its main package is reached, until its file is there', () => {
    const build = graph();
    build.packageStarted('lib');
    expect(build.isLinking('first')).toBe(false);
    build.packageStarted('one');
    expect(build.isLinking('first')).toBe(true);
    expect(build.isLinking('second')).toBe(false);
    build.programLinked('first');
    expect(build.isLinking('first')).toBe(false);
    expect(build.compiled('first')).toBe(1);
  });

  it('has nothing left once every program is linked', () => {
    const build = graph();
    build.programLinked('first');
    build.programLinked('second');
    expect(build.work().left).toBe(0);
  });

  it('believes that everything is cached only until Go begins to compile after all', () => {
    const build = graph();
    build.nothingToCompile();
    expect(build.compiled('second')).toBe(1);
    expect(build.isLinking('second')).toBe(true);
    const { left } = build.work();
    build.packageStarted('lib');
    build.nothingToCompile();
    expect(build.compiled('second')).toBeLessThan(1);
    expect(build.isLinking('second')).toBe(false);
    expect(build.work().left).toBeGreaterThan(left);
  });

  it('ignores lines that name no package', () => {
    const build = graph();
    build.packageStarted('# one');
    expect(build.compiled('first')).toBe(0);
  });
});

describe('parsePackageList', () => {
  it('reads the objects that go list writes one after another', () => {
    const output =
      '{\n\t"ImportPath": "a",\n\t"ImportMap": {\n\t\t"x": "y"\n\t}\n}\n{\n\t"ImportPath": "b",\n\t"Imports": [\n\t\t"a"\n\t]\n}\n';
    expect(parsePackageList(output)).toEqual([
      { ImportPath: 'a', ImportMap: { x: 'y' } },
      { ImportPath: 'b', Imports: ['a'] },
    ]);
  });
});

describe('remainingMs', () => {
  it('starts with the usual speed of a machine of this size', () => {
    expect(remainingMs({ spent: 0, left: 26_000_000 }, 0, 2)).toBe(100_000);
  });

  it('ends with the speed that was measured', () => {
    expect(remainingMs({ spent: 40_000_000, left: 10_000_000 }, 400_000, 2)).toBe(100_000);
  });
});
