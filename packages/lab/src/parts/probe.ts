import { open } from 'node:fs/promises';
import { run } from './child.ts';
import { PartsError } from './errors.ts';
import type { GoArch } from './go-arch.ts';
import type { VersionProbe } from './programs.ts';

/** No program takes this long to say its version; one that hangs is broken. */
const PATIENCE_MS = 20_000;

/**
 * Runs the program and gives back the version that it reports.
 * Rejects with a PartsError when it is not there, does not run or says no version.
 */
export async function reportedVersion(
  path: string,
  probe: VersionProbe,
  signal: AbortSignal,
): Promise<string> {
  const command = [path, ...probe.args].join(' ');
  const patience = AbortSignal.timeout(PATIENCE_MS);
  const result = await run({
    argv: [path, ...probe.args],
    env: { PATH: process.env.PATH, HOME: '/nonexistent' }, // no one's settings have a say in it
    signal: AbortSignal.any([signal, patience]),
  }).catch((error: NodeJS.ErrnoException) => {
    signal.throwIfAborted();
    const why = patience.aborted ? `gave no answer within ${PATIENCE_MS / 1000} s` : reason(error);
    throw new PartsError(`${path} does not run: ${why}.`, 'Put a program for this machine there.', {
      cause: error,
    });
  });
  const said = `${result.stdout}\n${result.stderr}`;
  const version = probe.pattern.exec(said)?.[1];
  if (result.code !== 0 || version === undefined) {
    throw new PartsError(
      `\`${command}\` ended with ${result.code ?? result.killedBy} and named no version.`,
      `It said: ${said.trim().slice(0, 500)}`,
    );
  }
  return version;
}

function reason(error: NodeJS.ErrnoException): string {
  if (error.code === 'ENOENT') return 'there is no such file';
  if (error.code === 'EACCES') return 'it is not executable';
  if (error.code === 'ENOEXEC') return 'it is no program for this machine';
  return error.message;
}

const ELF_MACHINES: Record<GoArch, number> = { amd64: 62, arm64: 183 };

/** For a program that has no version to report and must not simply be run: whether it is one for this machine. */
export async function requireExecutable(path: string, goArch: GoArch): Promise<void> {
  const file = await open(path).catch((error: NodeJS.ErrnoException) => {
    throw new PartsError(`${path} can't be used: ${reason(error)}.`, 'Put a program for this machine there.');
  });
  try {
    const header = Buffer.alloc(20);
    await file.read(header, 0, header.length, 0);
    const executable = ((await file.stat()).mode & 0o111) !== 0;
    const elf =
      header.toString('latin1', 0, 4) === '\x7fELF' && header.readUInt16LE(18) === ELF_MACHINES[goArch];
    if (executable && elf) return;
  } finally {
    await file.close();
  }
  throw new PartsError(`${path} is no executable program for this machine.`, 'Put one there.');
}
