import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { expect, test } from 'vitest';
import { runLab } from './index.ts';

/** Runs a command in a home of its own, where no lab is. */
async function run(...argv: string[]) {
  const home = mkdtempSync(join(tmpdir(), 'lab-cli-'));
  const [stdout, stderr] = [new PassThrough(), new PassThrough()];
  const code = await runLab(argv, {
    stdout,
    stderr,
    stdin: new PassThrough(),
    env: { HOME: home, PATH: process.env.PATH },
    cwd: home,
    signal: new AbortController().signal,
    terminal: false,
  });
  return { code, stdout: String(stdout.read() ?? ''), stderr: String(stderr.read() ?? ''), home };
}

test.each([
  [['frob'], "unknown command 'frob'"],
  [['up', '--clusters', '9'], 'A lab has 1 to 4 clusters'],
  [['up', '--name', 'A_B'], "a lab's name is 1 to 32"],
  [['logs', '--tail', 'x'], 'That is not a number of lines'],
  [['status', '-o', 'yaml'], 'The only format is json'],
])('%j is wrong usage: exit code 64, and one sentence that says why', async (argv, sentence) => {
  const { code, stdout, stderr } = await run(...argv);
  expect(code).toBe(64);
  expect(stderr).toContain(sentence);
  expect(stdout).toBe('');
});

test('a catalogue that is no catalogue is bad input, and named', async () => {
  const missing = await run('up', '--images', 'nowhere.json');
  expect(missing.code).toBe(65);
  expect(missing.stderr).toMatch(/nowhere\.json: there is no such file/);
  const file = join(missing.home, 'images.json');
  for (const [text, why] of [
    ['{', 'it is not JSON'],
    ['{"images": []}', 'it has no object `images`'],
  ] as const) {
    writeFileSync(file, text);
    const wrong = await run('up', '--images', file);
    expect(wrong.code).toBe(65);
    expect(wrong.stderr).toContain(why);
  }
});

test('what needs a lab says how to start one', async () => {
  for (const argv of [['status'], ['kubeconfig'], ['ssh'], ['logs'], ['fault', 'heal'], ['vm', 'reboot']]) {
    const { code, stderr } = await run(...argv);
    expect(code).not.toBe(0);
    expect(stderr).toContain('`meshlift lab up`');
    expect((await run(...argv, '--name', 'second')).stderr).toContain('`meshlift lab up --name second`');
  }
});

test('there being no lab to take down is no error', async () => {
  const { code, stderr } = await run('down', '--name', 'second');
  expect(code).toBe(0);
  expect(stderr).toContain('there is no lab second');
});

test('help goes to the standard output', async () => {
  const { code, stdout, stderr } = await run('--help');
  expect(code).toBe(0);
  expect(stdout).toContain('start a lab');
  expect(stderr).toBe('');
});
