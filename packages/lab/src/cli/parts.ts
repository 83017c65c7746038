import { resolve } from 'node:path';
import { exportParts, importParts } from '../parts/archive.ts';
import { ensureParts } from '../parts/parts.ts';
import { type BuildStatus, partsStatus, pruneParts } from '../parts/status.ts';
import { seconds } from './boot-lines.ts';
import { type LabIo, print, say } from './io.ts';
import { cacheFolder, tellParts } from './material.ts';

interface Output {
  readonly output?: string;
}

export async function listParts(options: Output, io: LabIo): Promise<void> {
  const status = await partsStatus(cacheFolder(io.env));
  if (options.output === 'json') return print(io, JSON.stringify(status, null, 2));
  const lines = [
    `parts ${status.key} in ${status.folder}: ${status.current ? 'built' : 'not built yet (lab parts build)'}`,
    ...(status.current ? [describe(status.current)] : []),
    ...(status.building ? [`process ${status.building.pid} is making parts at this moment`] : []),
    ...status.others.map((build) => `of another version: ${describe(build)}`),
  ];
  print(io, lines.join('\n'));
}

export async function buildParts(io: LabIo): Promise<void> {
  const started = performance.now();
  const { dir } = await ensureParts({
    cacheDir: cacheFolder(io.env),
    override: io.env.MESHLIFT_PARTS,
    progress: tellParts(io),
    signal: io.signal,
  });
  say(io, `parts are in ${dir} (${seconds(performance.now() - started)})`);
}

export async function exportTo(file: string, io: LabIo): Promise<void> {
  const exported = await exportParts({
    cacheDir: cacheFolder(io.env),
    file: resolve(io.cwd, file),
    progress: tellParts(io),
    signal: io.signal,
  });
  say(
    io,
    `wrote ${exported.file} (${mebibytes(exported.bytes)}): lab parts import ${file} on the other machine`,
  );
}

export async function importFrom(file: string, io: LabIo): Promise<void> {
  const imported = await importParts({
    cacheDir: cacheFolder(io.env),
    file: resolve(io.cwd, file),
    progress: tellParts(io),
    signal: io.signal,
  });
  say(
    io,
    imported.usable
      ? `parts ${imported.key} are in ${imported.dir}`
      : `parts ${imported.key} are in ${imported.dir}, but of another version of the lab: what both have in common will not be built again`,
  );
}

export async function prune(io: LabIo): Promise<void> {
  const removed = await pruneParts(cacheFolder(io.env), io.signal);
  say(
    io,
    removed.length === 0
      ? 'there are no parts of other versions'
      : `removed ${removed.length} builds of other versions`,
  );
}

function describe(build: BuildStatus): string {
  const versions = Object.entries(build.versions).map(([part, version]) => `${part} ${version}`);
  return `${build.key} of ${build.made}, ${mebibytes(build.bytes)}: ${versions.join(', ')}`;
}

function mebibytes(bytes: number): string {
  return `${Math.round(bytes / 1024 ** 2)} MiB`;
}
