import { existsSync } from 'node:fs';
import { mkdir, readFile, rename, rm } from 'node:fs/promises';
import path from 'node:path';
import { run } from '../parts/child.ts';

/** A key pair in OpenSSH's formats. */
export interface SshKey {
  /** The private key's file, readable by its owner only; the public one is beside it. */
  readonly file: string;
  /** `ssh-ed25519 AAAA…` without a comment. */
  readonly publicKey: string;
}

/** The key of that name in a folder, made if it isn't there yet. */
export async function ensureSshKey(folder: string, name: string, comment: string): Promise<SshKey> {
  const file = path.join(folder, name);
  if (!existsSync(file)) {
    await mkdir(folder, { recursive: true, mode: 0o700 });
    const unfinished = `${file}.unfinished`;
    await rm(unfinished, { force: true });
    const { code, stderr } = await run({
      argv: ['ssh-keygen', '-q', '-t', 'ed25519', '-N', '', '-C', comment, '-f', unfinished],
      signal: AbortSignal.timeout(10_000),
    });
    if (code !== 0) throw new Error(`${file}: ssh-keygen could not make a key: ${stderr}`);
    // The private key last: where it is, the public one is too.
    await rename(`${unfinished}.pub`, `${file}.pub`);
    await rename(unfinished, file);
  }
  const [kind, key] = (await readFile(`${file}.pub`, 'utf8')).trim().split(' ');
  return { file, publicKey: `${kind} ${key}` };
}
