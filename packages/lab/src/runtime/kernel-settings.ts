import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { runProgram } from './program.ts';

/** What a kubelet sets when it starts (k8s.io/kubernetes pkg/kubelet/cm, setupKernelTunables), by path below /proc/sys. */
const wantedByKubelet: Readonly<Record<string, string>> = {
  'vm/overcommit_memory': '1',
  'vm/panic_on_oom': '0',
  'kernel/panic': '10',
  'kernel/panic_on_oops': '1',
  'kernel/keys/root_maxkeys': '1000000',
  'kernel/keys/root_maxbytes': '25000000',
};

/**
 * Keeps the kubelet from changing settings of the machine's kernel: where one is not as it wants it, a
 * file that says what it wants is laid over it, in the mount namespace of this process only.
 *
 * Not for a user namespace: there the kubelet cannot change them anyway, and the kernel would refuse to
 * mount /proc in containers when something lies over it here.
 *
 * @param folder where the files are kept
 */
export async function shieldKernelSettings(folder: string): Promise<void> {
  await mkdir(folder, { recursive: true, mode: 0o700 });
  for (const [setting, wanted] of Object.entries(wantedByKubelet)) {
    const path = join('/proc/sys', setting);
    const current = (await readFile(path, 'utf8')).trim();
    if (current === wanted) continue;
    const cover = join(folder, setting.replaceAll('/', '.'));
    await writeFile(cover, `${wanted}\n`);
    const result = await runProgram(['mount', '--bind', cover, path]);
    if (result.exitCode !== 0)
      throw new Error(`cannot shield ${path}: ${result.stderr.toString('utf8').trim()}`);
  }
}
