import { mkdirSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';

/**
 * Makes the files below `folder` those below `from`, which is used up and has to be on the same file system.
 * Each file is replaced in one step, so that whoever reads `folder` meanwhile, a lab's containers for one, finds the old
 * file or the new one, and never a missing or half-written one.
 */
export function replaceFiles(folder: string, from: string): void {
  const fresh = filesBelow(from);
  for (const file of fresh) {
    mkdirSync(dirname(join(folder, file)), { recursive: true });
    renameSync(join(from, file), join(folder, file));
  }
  const wanted = new Set(fresh);
  for (const file of filesBelow(folder)) if (!wanted.has(file)) rmSync(join(folder, file));
  rmSync(from, { recursive: true });
}

function filesBelow(folder: string): string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => !entry.isDirectory())
    .map((entry) => join(entry.parentPath, entry.name).slice(folder.length + 1));
}
