import { PartsError } from './errors.ts';

/** A processor architecture that the parts exist for, as Go names it. */
export type GoArch = 'amd64' | 'arm64';

/** The Go name of what Node calls `process.arch`. */
export function goArchOf(arch: string): GoArch {
  if (arch === 'x64') return 'amd64';
  if (arch === 'arm64') return 'arm64';
  throw new PartsError(
    `The lab's parts exist for x86-64 and ARM64 machines; this one is ${arch}.`,
    'Run the lab on one of those.',
  );
}
