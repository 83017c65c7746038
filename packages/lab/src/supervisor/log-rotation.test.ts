import { closeSync, openSync, writeSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, readFile, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { LogRotation } from './log-rotation.ts';

async function folderWith(files: Readonly<Record<string, string>>): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'lab-logs-'));
  await mkdir(join(folder, 'cluster1'));
  for (const [name, text] of Object.entries(files)) await writeFile(join(folder, name), text);
  return folder;
}

test('a log that has got too long starts anew, for whoever holds it open too; what was in it is kept once', async () => {
  const folder = await folderWith({ 'cluster1/etcd.log': '', 'cluster1/etcd.log.1': 'long ago' });
  const path = join(folder, 'cluster1/etcd.log');
  const component = openSync(path, 'a');
  writeSync(component, '0123456789A');
  await new LogRotation(folder, 10).pass();
  writeSync(component, 'next');
  closeSync(component);
  expect(await readFile(path, 'utf8')).toBe('next');
  expect(await readFile(`${path}.1`, 'utf8')).toBe('0123456789A');
});

test('shorter logs, and files that are no logs, are left as they are', async () => {
  const folder = await folderWith({ 'vm.log': '0123456789', 'cluster1/other': '0123456789A' });
  await new LogRotation(folder, 10).pass();
  expect((await readdir(folder, { recursive: true })).sort()).toEqual([
    'cluster1',
    'cluster1/other',
    'vm.log',
  ]);
  expect(await readFile(join(folder, 'vm.log'), 'utf8')).toBe('0123456789');
});

test('a folder that is not there is told', async () => {
  const folder = await folderWith({});
  await expect(new LogRotation(join(folder, 'nowhere'), 10).pass()).rejects.toThrow(/nowhere/);
});
