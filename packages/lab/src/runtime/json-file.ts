import { readFile, rename, writeFile } from 'node:fs/promises';

/** Replaces a file in one step, readable by its owner only. */
export async function writeJsonFile(path: string, value: unknown): Promise<void> {
  const temporary = `${path}.new`;
  await writeFile(temporary, JSON.stringify(value), { mode: 0o600 });
  await rename(temporary, path);
}

/** The file's content, or null when there is no such file. */
export async function readJsonFile<T>(path: string): Promise<T | null> {
  let content: string;
  try {
    content = await readFile(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw error;
  }
  try {
    return JSON.parse(content) as T;
  } catch (cause) {
    throw new Error(`${path} is not JSON`, { cause });
  }
}
