import { expect, it } from 'vitest';
import { runProgram } from './program.ts';

it('a program gets its input and gives its output and exit code', async () => {
  const result = await runProgram(['sh', '-c', 'cat; echo problem >&2; exit 3'], { stdin: 'hello' });
  expect([result.stdout.toString(), result.stderr.toString(), result.exitCode]).toEqual([
    'hello',
    'problem\n',
    3,
  ]);
});

it('output beyond the limit is dropped, and the program goes on', async () => {
  const result = await runProgram(['sh', '-c', 'head -c 100000 /dev/zero; exit 4'], { outputLimit: 1_000 });
  expect([result.stdout.length, result.exitCode]).toEqual([1_000, 4]);
});

it('a program that takes too long is ended, and says so', async () => {
  const result = await runProgram(['sleep', '60'], { timeout: 50 });
  expect(result.timedOut).toBe(true);
});

it('a program that ends without reading its input is no error', async () => {
  const result = await runProgram(['true'], { stdin: 'x'.repeat(1_000_000) });
  expect(result.exitCode).toBe(0);
});

it('a program that does not exist is named', async () => {
  await expect(runProgram(['/no/such/program'])).rejects.toThrow(/cannot run \/no\/such\/program/);
});
