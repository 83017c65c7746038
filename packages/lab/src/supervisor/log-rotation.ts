import { copyFile, readdir, stat, truncate } from 'node:fs/promises';
import { join } from 'node:path';

const LIMIT_BYTES = 16 * 1024 ** 2;
const EVERY_MS = 10_000;

/**
 * Keeps the logs in a folder from growing without end: one that has got too long becomes `NAME.log.1`, in place of an
 * earlier one, and starts anew. Components hold their logs open, so they are emptied and not renamed; what is written
 * between copying and emptying is lost.
 */
export class LogRotation {
  readonly #folder: string;
  readonly #limitBytes: number;

  constructor(folder: string, limitBytes: number = LIMIT_BYTES) {
    this.#folder = folder;
    this.#limitBytes = limitBytes;
  }

  /** Looks every few seconds, for as long as the process lives. */
  start(report: (problem: string) => void): void {
    const look = () =>
      this.pass()
        .catch((error: Error) => report(`logs could not be rotated: ${error.message}`))
        .then(() => void setTimeout(look, EVERY_MS).unref());
    void look();
  }

  /** Looks once. */
  async pass(): Promise<void> {
    const entries = await readdir(this.#folder, { recursive: true, withFileTypes: true });
    for (const entry of entries) {
      if (!entry.isFile() || !entry.name.endsWith('.log')) continue;
      const path = join(entry.parentPath, entry.name);
      if ((await stat(path)).size <= this.#limitBytes) continue;
      await copyFile(path, `${path}.1`);
      await truncate(path);
    }
  }
}
