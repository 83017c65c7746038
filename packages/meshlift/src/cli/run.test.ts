import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { run } from './run.ts';
import type { Terminal } from './terminal.ts';

const folder = mkdtempSync(join(tmpdir(), 'meshlift-run-'));
afterAll(() => rmSync(folder, { recursive: true }));

async function meshlift(args: readonly string[], signal = new AbortController().signal) {
  const said = { out: '', err: '' };
  const exit = await run(args, {
    out: (text) => {
      said.out += text;
    },
    err: (text) => {
      said.err += text;
    },
    streams: { stdin: process.stdin, stdout: process.stdout, stderr: process.stderr } as Terminal['streams'],
    env: {},
    cwd: folder,
    home: folder,
    interactive: false,
    screen: false,
    color: false,
    columns: 100,
    rows: 40,
    signal,
  });
  return { exit, ...said };
}

describe('the command line', () => {
  it('tells where a first migration file comes from when there is none', async () => {
    const { err, exit, out } = await meshlift(['status']);
    expect(exit).toBe(65);
    expect(out).toBe('');
    expect(err).toMatch(/migration\.yaml: the migration file is not there\nnext: meshlift init writes one/);
    expect(err).toContain('more: meshlift explain bad-input');
  });

  it('tells an error as one line of JSON to whoever asked for JSON', async () => {
    const { err } = await meshlift(['-o', 'json', 'status']);
    expect(JSON.parse(err)).toMatchObject({
      error: { code: 'bad-input', runbook: 'docs/runbooks/bad-input.md' },
    });
  });

  it.each([
    [['shft', '20'], 'Did you mean shift?'],
    [['shift'], "missing required argument 'percent'"],
    [['shift', '120'], 'a whole number from 0 to 100 is needed'],
    [['run', '--until', 'tomorrow'], 'Allowed choices are completed, retired'],
    [['completion', 'tcsh'], 'Allowed choices are bash, zsh, fish'],
  ])('refuses %j, and says what is allowed', async (args, said) => {
    const { err, exit } = await meshlift(args);
    expect(exit).toBe(64);
    expect(err).toContain(said);
    expect(err).toMatch(/^meshlift: /);
  });

  it('says of an interrupted command that the migration goes on as it is, never that it was undone', async () => {
    const interrupted = new AbortController();
    interrupted.abort(new Error('SIGINT'));
    writeFileSync(join(folder, 'broken.yaml'), 'apiVersion: [');
    const { err, exit } = await meshlift(['-f', 'broken.yaml', 'run'], interrupted.signal);
    expect(exit).toBe(1);
    expect(err).toContain('detached; the migration stays as it is, and nothing is rolled back');
  });

  it('explains a code without a file and without a cluster', async () => {
    const { exit, out } = await meshlift(['explain', 'not-agreed']);
    expect(exit).toBe(0);
    expect(out).toMatch(/^not-agreed: the clusters did not all take the split\n/);
  });
});
