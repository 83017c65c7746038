import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { freemem } from 'node:os';
import { join } from 'node:path';
import { isNotFound, type RunResult, run } from './child.ts';
import { PartsError } from './errors.ts';
import type { GoArch } from './go-arch.ts';
import { MISSING_GO, OLD_GO, OLDEST_GO } from './requirements.ts';

/** The Go that older ones fetch for themselves where the user has not said which to use. */
const FETCHED_GO = 'go1.26.8';
/** What go.mod asks for. */
const NEEDED_GO = '1.26';

const PLENTY_OF_MEMORY = 8 * 1024 ** 3;

/** A Go that can build the parts, and how to call it. */
export interface Go {
  readonly path: string;
  readonly env: NodeJS.ProcessEnv;
}

/**
 * Finds Go on the PATH, in its usual folders, or where bootstrap.sh put one. What Go leaves when it is interrupted
 * (up to a gigabyte) it leaves in `scratch`.
 */
export async function findGo(
  cacheDir: string,
  scratch: string,
  goArch: GoArch,
  signal: AbortSignal,
): Promise<Go> {
  const places = ['/usr/local/go/bin/go', '/usr/lib/go/bin/go', join(cacheDir, 'go', 'bin', 'go')];
  let tooOld: PartsError | null = null;
  for (const path of ['go', ...places.filter((place) => existsSync(place))]) {
    const env = { ...process.env, GOTOOLCHAIN: 'local' }; // asks this one itself
    const result = await run({ argv: [path, 'env', 'GOVERSION', 'GOENV'], env, signal }).catch((error) => {
      if (isNotFound(error)) return null;
      throw error;
    });
    if (result?.code !== 0) continue;
    const [version = '', userSettings = ''] = result.stdout.split('\n');
    if (compareVersions(version, OLDEST_GO) < 0) {
      tooOld ??= OLD_GO(path, version);
      continue;
    }
    const settings = existsSync(userSettings) ? await readFile(userSettings, 'utf8') : '';
    const built = buildEnvironment(process.env, { version, settings, goArch, freeMemory: freemem() });
    return { path, env: { GOTMPDIR: scratch, ...built } };
  }
  throw tooOld ?? MISSING_GO();
}

/**
 * The environment of every Go command: the user's, so that proxies and caches are theirs, without what would
 * change the result or fail on this module (GOFLAGS=-mod=vendor, a workspace, another target).
 *
 * `settings` is the content of the file that `go env -w` writes.
 */
export function buildEnvironment(
  user: NodeJS.ProcessEnv,
  go: {
    readonly version: string;
    readonly settings: string;
    readonly goArch: GoArch;
    /** Bytes. */
    readonly freeMemory: number;
  },
): NodeJS.ProcessEnv {
  const userChose = user.GOTOOLCHAIN !== undefined || /^GOTOOLCHAIN=/m.test(go.settings);
  const toolchain =
    userChose || compareVersions(go.version, NEEDED_GO) >= 0 ? {} : { GOTOOLCHAIN: `${FETCHED_GO}+auto` };
  // Compilers that collect garbage less often take a seventh less time (measured), and three times the memory.
  const patience = user.GOGC === undefined && go.freeMemory > PLENTY_OF_MEMORY ? { GOGC: '400' } : {};
  return {
    ...user,
    ...toolchain,
    ...patience,
    // Not empty: an empty one would let the value that `go env -w` stored through.
    GOFLAGS: '-mod=readonly',
    GO111MODULE: 'on',
    GOWORK: 'off',
    GOOS: 'linux',
    GOARCH: go.goArch,
    GOAMD64: 'v1',
    GOARM64: 'v8.0',
    CGO_ENABLED: '0',
    GOEXPERIMENT: undefined,
  };
}

/** Negative when `a` is older than `b`; versions as in `go1.26.8` or `1.21`. */
export function compareVersions(a: string, b: string): number {
  const numbers = (text: string) =>
    text
      .replace(/^go/, '')
      .split(/[^0-9]+/)
      .map(Number);
  const [left, right] = [numbers(a), numbers(b)];
  for (let i = 0; i < Math.min(left.length, right.length); i++) {
    const difference = (left[i] ?? 0) - (right[i] ?? 0);
    if (difference !== 0) return difference;
  }
  return 0;
}

/** Runs a Go command in the module; an error of its is given with what it said. */
export async function runGo(
  go: Go,
  args: readonly string[],
  moduleFolder: string,
  signal: AbortSignal,
  onStderr?: (line: string) => void,
): Promise<RunResult> {
  // setpriv: if this process is killed, Go must not go on for minutes on its own.
  const argv = ['setpriv', '--pdeathsig', 'TERM', go.path, ...args] as const;
  const result = await run({
    argv: [...argv],
    cwd: moduleFolder,
    env: go.env,
    signal,
    ...(onStderr && { onStderr }),
  });
  if (result.code === 0) return result;
  throw goError(args, result);
}

function goError(args: readonly string[], { code, killedBy, stderr }: RunResult): PartsError {
  const said = stderr
    .split('\n')
    .filter((line) => !/^go: downloading |^[\w.-]+(\/[\w.~-]+)*$/.test(line)) // progress, not messages
    .slice(-20)
    .join('\n');
  const what = `\`go ${args[0]}\` in packages/lab/parts ended with ${code ?? killedBy}${said && `:\n${said}`}`;
  return new PartsError(what, goRemedy(stderr, killedBy));
}

function goRemedy(stderr: string, killedBy: NodeJS.Signals | null): string {
  if (/no space left on device/.test(stderr)) {
    return 'Make room: building takes about 7 GB in `go env GOCACHE` and `go env GOMODCACHE`, and 1 GB in the cache folder.';
  }
  if (/requires go >= |toolchain not available/.test(stderr)) {
    return 'Let Go fetch the version it needs: run again with GOTOOLCHAIN=auto, or install a newer Go.';
  }
  if (/dial tcp|i\/o timeout|no such host|connection refused|proxyconnect/.test(stderr)) {
    return 'Go could not download modules: check the network and `go env GOPROXY`, then run it again; it goes on where it stopped.';
  }
  if (/signal: killed/.test(stderr) || killedBy === 'SIGKILL') {
    return 'Something killed it, on a small machine usually for lack of memory: 4 GB must be free.';
  }
  return 'Run it again; it goes on where it stopped.';
}
