import { access } from 'node:fs/promises';
import path from 'node:path';
import { isNotFound, run } from '../parts/child.ts';
import { PartsError } from '../parts/errors.ts';
import { withHeartbeat } from './heartbeat.ts';
import { asRootOfTheLab } from './ownership.ts';

export interface Recipe {
  /** A folder for what is needed in between; whoever calls removes it. */
  readonly folder: string;
  /** The folder to make; it must not exist yet. */
  readonly tree: string;
  readonly suite: string;
  readonly packages: readonly string[];
  readonly progress: (line: string) => void;
  readonly signal: AbortSignal;
}

/**
 * Makes a Debian tree. mmdebstrap writes it as an archive, which is then unpacked with the lab's own ids: those of
 * mmdebstrap's user namespace are others.
 */
export async function build(recipe: Recipe): Promise<void> {
  await requireTools();
  const started = performance.now();
  const seconds = () => `${((performance.now() - started) / 1000).toFixed(0)} s`;
  const tell = (text: string) => recipe.progress(`root file system: ${text}`);
  await withHeartbeat(tell, seconds, async (doing) => {
    doing(`making Debian ${recipe.suite} from its packages (about 30 s, once)`);
    const archive = path.join(recipe.folder, 'tree.tar');
    await must(recipe, ['mmdebstrap', ...debstrapArguments(recipe, archive)], (line) => {
      const phase = /^I: (.*)\.\.\.$/.exec(line)?.[1];
      if (phase) doing(phase);
    });
    doing('unpacking it');
    await must(recipe, asRootOfTheLab('sh', '-c', UNPACK, 'sh', archive, recipe.tree));
  });
  tell(`made in ${seconds()}`);
}

/**
 * Device nodes can't be made in a user namespace, and every container and VM has a /dev, /run and /tmp of its own.
 */
const UNPACK = `umask 022 && mkdir -- "$2" &&
  exec tar --extract --file "$1" --directory "$2" --numeric-owner --preserve-permissions --exclude='./dev/*' --exclude='./run/*' --exclude='./tmp/*'`;

async function must(
  { signal, suite }: Recipe,
  argv: [string, ...string[]],
  onStderr: (line: string) => void = () => {},
): Promise<void> {
  const { code, killedBy, stderr } = await run({
    argv,
    signal,
    onStderr,
    env: { ...process.env, LC_ALL: 'C.UTF-8' },
  });
  if (code === 0) return;
  throw new PartsError(
    `The lab's root file system (Debian ${suite}) could not be made: ${argv[0]} ended with ${killedBy ?? `status ${code}`}.\n` +
      stderr.split('\n').slice(-15).join('\n'),
    'Check that a Debian mirror can be reached (apt-get update) and that the disk has 1 GB free, then try again.',
  );
}

/** What makes the tree nobody's machine in particular; $1 is the tree. */
const FINISH = [
  // Each VM has host keys of its own.
  'rm -f "$1"/etc/ssh/ssh_host_*',
  // Debian starts whatever is installed; here each VM says what it runs.
  'rm -rf "$1"/etc/systemd/system/*.wants "$1"/etc/systemd/system/*.service',
  'rm -f "$1"/etc/hostname "$1"/etc/resolv.conf "$1"/etc/machine-id',
  'rm -rf "$1"/var/log/apt "$1"/var/log/*.log',
  // Half of the size, and nobody reads manuals here.
  'rm -rf "$1"/usr/share/doc/* "$1"/usr/share/man/* "$1"/usr/share/info/* "$1"/usr/share/locale/*',
];

function debstrapArguments({ suite, packages }: Recipe, archive: string): string[] {
  return [
    '--variant=minbase',
    `--mode=${process.getuid?.() === 0 ? 'root' : 'unshare'}`,
    `--include=${packages.join(',')}`,
    '--aptopt=Acquire::Retries "3"',
    // The tree counts only once it is whole: no need to write each file to the disk before the next.
    '--dpkgopt=force-unsafe-io',
    ...FINISH.map((command) => `--customize-hook=${command}`),
    suite,
    archive,
  ];
}

async function requireTools(): Promise<void> {
  const isRoot = process.getuid?.() === 0;
  const missing: string[] = [];
  if (!(await answers('mmdebstrap'))) missing.push('mmdebstrap');
  if (!(await exists('/usr/share/keyrings/debian-archive-keyring.gpg')))
    missing.push('debian-archive-keyring');
  if (!isRoot && !(await answers('newuidmap'))) missing.push('uidmap');
  if (missing.length === 0) return;
  throw new PartsError(
    `The lab's root file system is made by mmdebstrap from signed Debian packages; this machine lacks ${missing.join(', ')}.`,
    `Install it: ${isRoot ? '' : 'sudo '}apt-get install -y --no-install-recommends ${missing.join(' ')}`,
  );
}

/** Whether a program can be started at all; what it says without arguments doesn't matter. */
async function answers(program: string): Promise<boolean> {
  try {
    await run({ argv: [program, '--version'], signal: new AbortController().signal });
    return true;
  } catch (error) {
    if (isNotFound(error)) return false;
    throw error;
  }
}

async function exists(file: string): Promise<boolean> {
  return access(file).then(
    () => true,
    () => false,
  );
}
