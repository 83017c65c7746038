import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { appendFile, chown, mkdir, mkdtemp, readFile, rm, stat } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { mustRun, runCommand } from '../demo/src/command.ts';
import type { Someone } from './lab-under-test.ts';

const repository = resolve(import.meta.dirname, '..');
const CHECK_MS = 20_000;
/** As many as Debian gives to each account. */
const SUBORDINATE_IDS = 65_536;

/** Somebody who isn't root, with a home that is theirs alone for as long as the tests run. */
export interface Account {
  readonly who: Someone;
  /** Why this machine can't have it make a lab; empty when it can. */
  readonly refusal: string;
  end(): Promise<void>;
}

/**
 * This process's account; when that is root, one that exists in a mount namespace only: there `/etc` is a copy with one
 * account more, so the machine itself is not changed, and nothing is left of it when this process ends, however it does.
 *
 * @param parts the folder of root's parts, which the account finds in its own cache
 */
export async function ordinaryAccount(parts: () => Promise<string>): Promise<Account> {
  // Not deeper: the lab's sockets lie in it, and the kernel gives their paths 107 characters.
  const folder = await mkdtemp('/tmp/lab-user-');
  const home = join(folder, 'home');
  await mkdir(home);
  // Where this process keeps temporary files is nobody else's to enter.
  const env: Record<string, string> = { HOME: home, XDG_STATE_HOME: join(home, 'state'), TMPDIR: '/tmp' };
  const remove = () => rm(folder, { recursive: true, force: true });
  if (process.getuid?.() !== 0) {
    // What takes minutes to make is kept where this account keeps such things.
    env.XDG_CACHE_HOME = process.env.XDG_CACHE_HOME ?? join(process.env.HOME ?? '/', '.cache');
    const who: Someone = { before: [], env };
    return { who, refusal: await whyNot(who), end: remove };
  }
  env.XDG_CACHE_HOME = join(home, '.cache');
  const { name, view } = await imagined(folder, home, parts);
  const who: Someone = {
    before: ['nsenter', `--mount=/proc/${view.pid}/ns/mnt`, '--', 'runuser', '-u', name, '--'],
    env,
  };
  const end = async () => {
    const ended = once(view, 'exit');
    view.stdin?.end();
    await ended;
    await remove();
  };
  const refusal = await whyNot(who);
  return { who, refusal, end };
}

/** An account called `name` in the mount namespace of the process `view`, which ends when its input does. */
async function imagined(
  folder: string,
  home: string,
  parts: () => Promise<string>,
): Promise<{ name: string; view: ChildProcess }> {
  const name = 'meshlift-tester';
  const etc = join(folder, 'etc');
  await must('cp', '--archive', '/etc', etc);
  const passwd = await readFile(join(etc, 'passwd'), 'utf8');
  const uids = passwd.split('\n').map((line) => Number(line.split(':')[2] ?? 0));
  const uid = Math.max(1000, ...uids.filter((each) => each < 60_000)) + 1;
  await appendFile(join(etc, 'passwd'), `${name}:x:${uid}:${uid}::${home}:/bin/sh\n`);
  await appendFile(join(etc, 'group'), `${name}:x:${uid}:\n`);
  for (const file of ['subuid', 'subgid']) {
    const text = await readFile(join(etc, file), 'utf8').catch(() => '');
    const ends = text.split('\n').map((line) => Number(line.split(':')[1]) + Number(line.split(':')[2]));
    const start = Math.max(1_000_000, ...ends.filter((each) => !Number.isNaN(each)));
    await appendFile(join(etc, file), `${name}:${start}:${SUBORDINATE_IDS}\n`);
  }
  const from = await parts();
  const to = join(home, '.cache/meshlift/parts', from.split('/').at(-1) ?? '');
  await mkdir(to, { recursive: true });
  await must('chown', '--recursive', `${uid}:${uid}`, home);
  await chown(folder, uid, uid);

  const script = ['sh', '-euc', VIEW, 'sh', etc, from, to, repository, await closedFolder(repository)];
  const view = spawn('unshare', ['--mount', '--propagation', 'private', '--', ...script], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const said = await Promise.race([once(view.stdout, 'data'), once(view, 'exit')]);
  if (String(said[0]).trim() !== 'ready')
    throw new Error('the mount namespace of the account could not be made');
  return { name, view };
}

/** Lays the copy over /etc, root's parts into the account's cache, and opens a repository that only root could enter. */
const VIEW = `
etc=$1 parts=$2 cache=$3 repository=$4 closed=$5
mount --bind "$etc" /etc
# Not the folder as a whole, which is its owner's only.
for each in bin share; do
  mkdir "$cache/$each"
  mount --bind "$parts/$each" "$cache/$each"
done
cp "$parts/manifest.json" "$cache"
if [ -n "$closed" ]; then
  kept=$(dirname "$etc")/kept
  mkdir "$kept"
  mount --bind "$repository" "$kept"
  mount -t tmpfs -o mode=0755 open "$closed"
  mkdir -p "$repository"
  for each in "$kept"/*; do
    here=$repository/$(basename "$each")
    if [ -d "$each" ]; then mkdir "$here"; else touch "$here"; fi
    mount --bind "$each" "$here"
  done
  umount -l "$kept"
fi
echo ready
exec cat
`;

/** The outermost folder on the way to `path`, itself included, that others than its owner may not enter; '' for none. */
async function closedFolder(path: string): Promise<string> {
  const way = [path];
  for (let each = path; each !== dirname(each); each = dirname(each)) way.unshift(dirname(each));
  for (const each of way) {
    if (((await stat(each)).mode & 0o005) !== 0o005) return each;
  }
  return '';
}

async function must(...command: string[]): Promise<void> {
  await mustRun(command, { signal: AbortSignal.timeout(CHECK_MS) });
}

/** A machine need not allow its users such things; who runs the tests is told why it doesn't. */
async function whyNot({ before, env }: Someone): Promise<string> {
  const checks: readonly [string, readonly string[]][] = [
    ['cannot read this repository', ['test', '-r', join(repository, 'package.json')]],
    ['cannot write to its home', ['test', '-w', env.HOME ?? '']],
    ['cannot run Node', [process.execPath, '--version']],
    [
      'cannot have namespaces',
      ['unshare', '--user', '--map-root-user', '--map-auto', '--net', '--mount', 'true'],
    ],
  ];
  for (const [what, command] of checks) {
    const { exitCode, stderr } = await runCommand([...before, ...command], {
      env,
      signal: AbortSignal.timeout(CHECK_MS),
    });
    if (exitCode !== 0) return `an ordinary account ${what}${stderr && `: ${stderr.trim()}`}`;
  }
  return '';
}
