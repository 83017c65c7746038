import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';

/** Starts a program of the shop; answers what it wrote until it ended, and with what. */
function outcome(
  program: string,
  env: Readonly<Record<string, string>>,
): Promise<{ readonly code: unknown; readonly stdout: string; readonly stderr: string }> {
  const main = fileURLToPath(new URL(`../${program}/main.ts`, import.meta.url));
  return new Promise((resolve) => {
    execFile(process.execPath, [main], { env, timeout: 20_000 }, (error, stdout, stderr) =>
      resolve({ code: error?.code ?? 0, stdout, stderr }),
    );
  });
}

describe('a program that is given a port that is none', () => {
  // The first is told at once, the other after it has begun to wait for something.
  it.each(['adservice', 'productcatalogservice'])('says so in one line, and ends (%s)', async (program) => {
    const { code, stdout, stderr } = await outcome(program, { PORT: 'eighty' });
    expect(code).toBe(1);
    expect(stderr).toBe('');
    const lines = stdout.trim().split('\n');
    expect(lines).toHaveLength(1);
    const line = JSON.parse(lines[0] ?? '');
    expect(line).toMatchObject({
      severity: 'error',
      service: program,
      message: 'PORT is "eighty": expected a number from 0 to 65535',
    });
    expect(line).not.toHaveProperty('stack');
  });
});
