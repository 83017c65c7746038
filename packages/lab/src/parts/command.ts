import { resolve } from 'node:path';
import type { Writable } from 'node:stream';
import { type Command, Option } from 'commander';
import { exportParts, importParts } from './archive.ts';
import { ensureParts } from './parts.ts';
import { type PartsProgress, progressLine } from './progress.ts';
import { type BuildStatus, type PartsStatus, partsStatus, pruneParts } from './status.ts';

/** What the commands use of the process that they run in. */
export interface PartsIo {
  readonly stdout: Writable;
  readonly stderr: Writable;
  readonly env: NodeJS.ProcessEnv;
  /** What relative paths start from. */
  readonly cwd: string;
  readonly signal: AbortSignal;
}

/** Adds `parts`, with what it can do, to the lab's commands. `cacheDir` as for `ensureParts`. */
export function addPartsCommands(program: Command, io: PartsIo, cacheDir: string): void {
  const { signal } = io;
  const print = (text: string) => void io.stdout.write(`${text}\n`);
  const progress = everyFewSeconds((state) => void io.stderr.write(`${progressLine(state)}\n`));
  const parts = program.command('parts').description('the programs that labs are made of, and their cache');

  parts
    .command('status', { isDefault: true })
    .description('which are there')
    .addOption(new Option('-o, --output <format>', 'json, for programs').choices(['json']))
    .action(async ({ output }: { output?: string }) => {
      const status = await partsStatus(cacheDir);
      print(output === 'json' ? JSON.stringify(status, null, 2) : describeStatus(status));
    });
  parts
    .command('build')
    .description('make those of this version of the lab, as `up` does where they are missing')
    .action(async () => {
      const made = await ensureParts({ cacheDir, override: io.env.MESHLIFT_PARTS, progress, signal });
      print(made.dir);
    });
  parts
    .command('export <file>')
    .description('write them into one file, for a machine that can not make them')
    .action(async (file: string) => {
      const exported = await exportParts({ cacheDir, file: resolve(io.cwd, file), progress, signal });
      print(`${exported.file}: parts ${exported.key}, ${megabytes(exported.bytes)}`);
    });
  parts
    .command('import <file>')
    .description('put what `export` wrote into the cache of this machine')
    .action(async (file: string) => {
      const { key, dir, usable } = await importParts({
        cacheDir,
        file: resolve(io.cwd, file),
        progress,
        signal,
      });
      print(dir);
      if (usable) return;
      io.stderr.write(
        `parts ${key} are of another version of the lab: \`lab up\` takes from them what both have in common and makes the rest\n`,
      );
    });
  parts
    .command('prune')
    .description('remove those of other versions of the lab')
    .action(async () => {
      const removed = await pruneParts(cacheDir, signal);
      print(
        removed.length === 0 ? 'nothing to remove' : removed.map(({ dir }) => `removed ${dir}`).join('\n'),
      );
    });
}

/** For people: what is there of this version, what of others, and who is at work. */
export function describeStatus({ folder, key, current, others, building }: PartsStatus): string {
  const lines = [
    current === null
      ? `parts ${key} of this version of the lab are not in ${folder}: \`lab parts build\` makes them`
      : describeBuild(current),
    ...others.map((build) => `${describeBuild(build)}, of another version of the lab`),
  ];
  if (building !== null) lines.push(`process ${building.pid} has been making parts since ${building.since}`);
  return lines.join('\n');
}

function describeBuild({ dir, made, bytes, versions }: BuildStatus): string {
  const list = Object.entries(versions).map(([component, version]) => `${component} ${version}`);
  return `${dir}: ${megabytes(bytes)}, made ${made.slice(0, 10)}, ${list.join(', ')}`;
}

function megabytes(bytes: number): string {
  return `${Math.round(bytes / 1e6)} MB`;
}

/** Progress comes every second; on plain lines that is too much, and five seconds of silence too little. */
const LINE_EVERY_MS = 3000;

function everyFewSeconds(tell: (progress: PartsProgress) => void): (progress: PartsProgress) => void {
  let last = Number.NEGATIVE_INFINITY;
  return (progress) => {
    if (performance.now() - last < LINE_EVERY_MS) return;
    last = performance.now();
    tell(progress);
  };
}
