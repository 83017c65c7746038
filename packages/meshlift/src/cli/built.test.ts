import { spawnSync } from 'node:child_process';
import { copyFileSync, mkdirSync, mkdtempSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, expect, it } from 'vitest';

const root = join(import.meta.dirname, '../..');
const folders: string[] = [];
afterEach(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true });
});

function folderIn(parent: string, prefix: string): string {
  const folder = mkdtempSync(join(parent, prefix));
  folders.push(folder);
  return folder;
}

function run(...args: string[]): string {
  const { status, stdout, stderr } = spawnSync(process.execPath, args, { encoding: 'utf8' });
  if (status !== 0) throw new Error(`${args.join(' ')} ended with ${status}: ${stderr}`);
  return stdout;
}

it('is, once built, the same program, which finds the pages that come with it', { timeout: 60_000 }, () => {
  const built = folderIn(root, 'dist.new-');
  run(join(root, 'build.ts'), join(built, 'cli'));
  for (const args of [['--help'], ['shift', '--help'], ['explain', 'not-agreed'], ['completion', 'bash']])
    expect(run(join(built, 'cli/main.js'), ...args)).toBe(run(join(root, 'src/cli/main.ts'), ...args));
});

it('runs as built only while no source has been changed since', () => {
  const copy = folderIn(tmpdir(), 'meshlift-built-');
  for (const folder of ['bin', 'src/cli', 'dist/cli']) mkdirSync(join(copy, folder), { recursive: true });
  copyFileSync(join(root, 'bin/meshlift.js'), join(copy, 'bin/meshlift.js'));
  const [source, test, built] = ['src/cli/main.ts', 'src/cli/main.test.ts', 'dist/cli/main.js'];
  writeFileSync(join(copy, 'package.json'), '{ "type": "module" }');
  for (const file of [source, test, built]) writeFileSync(join(copy, file), `console.log('${file}')`);
  const setTimes = (times: Readonly<Record<string, number>>) => {
    for (const [file, seconds] of Object.entries(times)) utimesSync(join(copy, file), seconds, seconds);
  };
  const ran = () => run(join(copy, 'bin/meshlift.js')).trim();

  setTimes({ 'package.json': 1_000, [source]: 1_000, [built]: 1_001, [test]: 1_002 });
  expect(ran()).toBe(built);
  setTimes({ [source]: 1_002 });
  expect(ran()).toBe(source);
  setTimes({ 'package.json': 1_002, [built]: 1_002 });
  expect(ran(), 'as a package has them: all of one time').toBe(built);
  rmSync(join(copy, built));
  expect(ran()).toBe(source);
});
