/**
 * How long short commands take from start to end, as a person at a terminal waits for them: needs no cluster.
 *
 *   node bench/cli-start.ts [times]
 *
 * The first run compiles and keeps what it compiled (in ~/.cache/meshlift); here it is measured apart, with an empty
 * cache. Ends with 1 when a target is missed.
 */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { cpus, loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { Figures, quantile } from './figures.ts';

const times = Number(process.argv[2] ?? 20);
const program = join(import.meta.dirname, '../packages/meshlift/bin/meshlift.js');
const cache = mkdtempSync(join(tmpdir(), 'meshlift-cli-start-'));

/** Milliseconds that one run takes. */
function took(args: readonly string[], cacheFolder: string): number {
  const env = { ...process.env, NODE_COMPILE_CACHE: cacheFolder };
  const started = performance.now();
  const { status, stderr } = spawnSync(process.execPath, args, { env, encoding: 'utf8' });
  const ms = performance.now() - started;
  if (status !== 0) throw new Error(`${args.join(' ')} ended with ${status}: ${stderr}`);
  return ms;
}

function median(args: readonly string[], cacheFolder = cache): number {
  return quantile(
    Array.from({ length: times }, () => took(args, cacheFolder)),
    0.5,
  );
}

const ms = (value: number) => `${Math.round(value)} ms`;
const load = (loadavg()[0] ?? 0).toFixed(1);
try {
  const figures = new Figures();
  const first = took([program, '--version'], join(cache, 'empty'));
  took([program, '--help'], cache);
  took([program, 'explain', 'not-agreed'], cache);
  figures.under('meshlift --version', median([program, '--version']), 150, ms);
  figures.under('meshlift --help', median([program, '--help']), 150, ms);
  figures.under('meshlift explain not-agreed', median([program, 'explain', 'not-agreed']), 250, ms);
  figures.told('the very first run, which compiles', ms(first));
  figures.told('Node alone (node -e 0)', ms(median(['-e', '0'])));
  process.stdout.write(
    `${cpus().length} × ${cpus()[0]?.model}, Node ${process.version}, load ${load} before; medians of ${times}\n\n${figures.table()}\n`,
  );
  if (figures.missed) process.exitCode = 1;
} finally {
  rmSync(cache, { recursive: true });
}
