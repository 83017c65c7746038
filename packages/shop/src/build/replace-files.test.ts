import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { replaceFiles } from './replace-files.ts';

let root: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'replace-files-'));
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

function write(folder: string, files: Readonly<Record<string, string>>): string {
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(dirname(join(root, folder, name)), { recursive: true });
    writeFileSync(join(root, folder, name), text);
  }
  return join(root, folder);
}

describe('replacing the files of a folder', () => {
  it('leaves the new ones and nothing of the old', () => {
    const dist = write('dist', { 'gone.mjs': 'old', 'static/a.css': 'old', 'static/gone.css': 'old' });
    replaceFiles(dist, write('built', { 'shop.mjs': 'new', 'static/a.css': 'new' }));
    const files = readdirSync(dist, { recursive: true, withFileTypes: true }).filter((it) => it.isFile());
    expect(files.map(({ name }) => name).sort()).toEqual(['a.css', 'shop.mjs']);
    expect(readFileSync(join(dist, 'static/a.css'), 'utf8')).toBe('new');
    expect(readdirSync(root)).toEqual(['dist']);
  });

  it('makes the folder when there is none yet', () => {
    const dist = join(root, 'dist');
    replaceFiles(dist, write('built', { 'shop.mjs': 'new' }));
    expect(readFileSync(join(dist, 'shop.mjs'), 'utf8')).toBe('new');
  });

  it('keeps the folders themselves, which containers may have mounted', () => {
    const dist = write('dist', { 'static/a.css': 'old' });
    const before = [dist, join(dist, 'static')].map((folder) => statSync(folder).ino);
    replaceFiles(dist, write('built', { 'static/a.css': 'new' }));
    expect([dist, join(dist, 'static')].map((folder) => statSync(folder).ino)).toEqual(before);
  });

  it('never leaves a file missing or half-written for those who read meanwhile', async () => {
    const text = (round: number) => String(round).repeat(200_000);
    const file = join(write('dist', { 'shop.mjs': text(0) }), 'shop.mjs');
    const reading = new Worker(READ_ON, { eval: true, workerData: file });
    try {
      const told = new Promise<{ reads: number; wrong: string[] }>((resolve, reject) => {
        reading.once('message', resolve);
        reading.once('error', reject);
      });
      await new Promise((resolve) => reading.once('online', resolve));
      for (let round = 1; round < 50; round += 1) {
        replaceFiles(join(root, 'dist'), write('built', { 'shop.mjs': text(round % 10) }));
        await setImmediate();
      }
      reading.postMessage('enough');
      const { reads, wrong } = await told;
      expect(reads).toBeGreaterThan(0);
      expect(wrong).toEqual([]);
    } finally {
      await reading.terminate();
    }
  });
});

/** Reads the file over and over until told that it is enough, and tells what was wrong with it. */
const READ_ON = `
const { readFileSync } = require('node:fs');
const { parentPort, workerData } = require('node:worker_threads');
const wrong = [];
let reads = 0;
let going = true;
parentPort.once('message', () => { going = false; });
(function read() {
  if (!going) return parentPort.postMessage({ reads, wrong });
  try {
    const text = readFileSync(workerData, 'utf8');
    if (text.length !== 200000 || text !== text[0].repeat(200000)) wrong.push('half-written');
  } catch (error) {
    wrong.push(error.code);
  }
  reads += 1;
  setImmediate(read);
})();
`;
