import { mkdtemp, rm } from 'node:fs/promises';
import { homedir, tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { run } from './child.ts';
import { PartsError } from './errors.ts';
import { findGo } from './go.ts';
import { goArchOf } from './go-arch.ts';
import { MODULE_FOLDER } from './recipe.ts';

/** What we wrote ourselves; the rest of the module are other people's programs, tested by them. */
const OURS = ['./init/...', './shim/...', './systemd/...'];
const cache = join(process.env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'meshlift');

/** Where parts were imported, there need not be a Go; the title says so then. */
const scratch = await mkdtemp(join(tmpdir(), 'lab-go-'));
const found = await findGo(cache, scratch, goArchOf(process.arch), AbortSignal.timeout(30_000)).catch(
  (error: unknown) => {
    if (error instanceof PartsError) return error;
    throw error;
  },
);
const refusal = found instanceof PartsError ? ` (${found.message})` : '';

afterAll(() => rm(scratch, { recursive: true, force: true }));

test.skipIf(refusal)(`the lab's own programs pass their tests${refusal}`, { timeout: 300_000 }, async () => {
  if (found instanceof PartsError) throw found;
  // Built as the parts are, so that Go finds what they have in common in its cache.
  const { code, stdout, stderr } = await run({
    argv: [found.path, 'test', '-trimpath', ...OURS],
    cwd: MODULE_FOLDER,
    env: found.env,
    signal: AbortSignal.timeout(290_000),
  });
  expect(code, `${stdout}${stderr}`).toBe(0);
  expect(stdout.split('\n').filter((line) => line.startsWith('ok')).length).toBeGreaterThan(5);
});
