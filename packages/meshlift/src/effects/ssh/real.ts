import { spawn } from 'node:child_process';
import { constants, createReadStream } from 'node:fs';
import { access, mkdtemp, readdir, rm, rmdir, stat } from 'node:fs/promises';
import { homedir, tmpdir } from 'node:os';
import path from 'node:path';
import { Readable, Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { MeshliftError } from '../../errors/error.ts';
import type { RemoteFile, Ssh, SshResult } from './port.ts';
import { shellQuote } from './shell-quote.ts';
import { addressArguments, type SshTarget, sessionArguments } from './ssh-arguments.ts';
import { type Login, loginFailure, sudoFailure } from './ssh-failure.ts';

/**
 * Logs in with the system's `ssh`, so that the user's own configuration, agent and jump hosts work as by hand. The
 * first login opens a connection that later commands share (milliseconds instead of a handshake); close() ends it.
 */
export async function openSsh(
  named: SshTarget,
  options: { readonly signal?: AbortSignal } = {},
): Promise<Ssh> {
  const target = await withReadableFiles(named);
  await removeAbandonedFolders();
  const folder = await mkdtemp(path.join(tmpdir(), folderPrefix)); // 0700: who opens the socket in it is the VM's root
  try {
    const login = await resolveLogin(target, options.signal);
    const connection = new Connection(target, login, path.join(folder, 's'), folder);
    await connection.becomeRoot(options.signal);
    return connection;
  } catch (error) {
    await rm(folder, { recursive: true, force: true });
    throw error;
  }
}

const folderPrefix = 'meshlift-ssh-';
/** longer than it takes from a folder's making to the first login through it */
const abandonedAfterMs = 10 * 60_000;

/** A process that was killed leaves its folder; the connection in it, and its socket, end by themselves a minute later. */
async function removeAbandonedFolders(): Promise<void> {
  const names = await readdir(tmpdir());
  for (const name of names.filter((it) => it.startsWith(folderPrefix))) {
    const folder = path.join(tmpdir(), name);
    const { mtimeMs } = await stat(folder).catch(() => ({ mtimeMs: Number.POSITIVE_INFINITY }));
    // Only an empty folder can be removed so: one in use has its socket, and one of somebody else's refuses.
    if (Date.now() - mtimeMs > abandonedAfterMs) await rmdir(folder).catch(() => undefined);
  }
}

class Connection implements Ssh {
  readonly target: string;
  readonly #login: Login;
  readonly #address: readonly string[];
  readonly #session: readonly string[];
  readonly #folder: string;
  #asRoot = 'sh';

  constructor(target: SshTarget, login: Login, controlPath: string, folder: string) {
    this.target = login.target;
    this.#login = login;
    this.#address = [...addressArguments(target), '--', target.host];
    this.#session = sessionArguments(target, controlPath);
    this.#folder = folder;
  }

  /** Finds out whether commands need sudo, and that it asks for no password. */
  async becomeRoot(signal: AbortSignal | undefined): Promise<void> {
    const { stdout, exitCode, stderr } = await this.#execute(
      'id -u && { [ "$(id -u)" = 0 ] || sudo -n sh -c :; }',
      {
        signal,
      },
    );
    if (exitCode !== 0) throw sudoFailure(this.#login, stderr);
    if (stdout.trim() !== '0') this.#asRoot = 'sudo -n sh';
  }

  run(
    script: string,
    options: { readonly stdin?: string | Uint8Array; readonly signal?: AbortSignal } = {},
  ): Promise<SshResult> {
    const stdin = options.stdin === undefined ? undefined : Readable.from([Buffer.from(options.stdin)]);
    return this.#asRootExecute(script, { stdin, signal: options.signal });
  }

  async write(file: RemoteFile, signal?: AbortSignal): Promise<void> {
    const content = Buffer.from(file.content);
    const result = await this.#asRootExecute(receiveScript(file, content.length), {
      stdin: Readable.from([content]),
      signal,
    });
    this.#mustSucceed(result, `write ${file.path}`);
  }

  async upload(
    localPath: string,
    remotePath: string,
    options: {
      readonly progress?: (sent: number, total: number) => void;
      readonly signal?: AbortSignal;
    } = {},
  ): Promise<void> {
    const total = (await stat(localPath)).size;
    let sent = 0;
    const counted = new Transform({
      transform: (chunk: Buffer, _encoding, done) => {
        sent += chunk.length;
        options.progress?.(sent, total);
        done(null, chunk);
      },
    });
    const stdin = createReadStream(localPath, { highWaterMark: 1 << 18 });
    // A file that cannot be read ends the stream early; the size check on the VM then refuses the upload.
    const reading = pipeline(stdin, counted).catch((error: unknown) => counted.destroy(error as Error));
    const script = receiveScript({ path: remotePath, mode: 0o600, owner: 'root:root' }, total);
    const result = await this.#asRootExecute(script, { stdin: counted, signal: options.signal });
    await reading;
    this.#mustSucceed(result, `upload ${localPath} to ${remotePath}`);
  }

  async close(): Promise<void> {
    await runSsh([...this.#session, '-O', 'exit', ...this.#address], {});
    await rm(this.#folder, { recursive: true, force: true });
  }

  #asRootExecute(script: string, io: CommandIo): Promise<SshResult> {
    return this.#execute(`${this.#asRoot} -c ${shellQuote(script)}`, io);
  }

  /**
   * Runs a command and tells its exit code from a failure of ssh, which also ends with 255: the command's end is
   * reported on stderr, and an end that was not reported did not happen.
   */
  async #execute(command: string, io: CommandIo): Promise<SshResult> {
    const mark = `meshlift-end-${process.hrtime.bigint().toString(36)}`;
    const reported = `${command}\nprintf '\\n%s:%d\\n%s.' ${mark} "$?" ${mark} >&2`;
    // The user's login shell, whatever it is, only has to start sh.
    const remote = `exec sh -c ${shellQuote(reported)}`;
    const { stdout, stderr } = await runSsh([...this.#session, ...this.#address, remote], {
      ...io,
      lastWords: `${mark}.`,
    });
    const end = stderr.lastIndexOf(`\n${mark}:`);
    if (end === -1) throw loginFailure(this.#login, stderr);
    const exitCode = Number.parseInt(stderr.slice(end + mark.length + 2), 10);
    return { exitCode, stdout, stderr: stderr.slice(0, end) };
  }

  #mustSucceed({ exitCode, stderr }: SshResult, doing: string): void {
    if (exitCode === 0) return;
    throw new MeshliftError('vm-command', {
      where: `${doing} on VM ${this.target}`,
      why: stderr.trim().split('\n').at(-1) || `it ended with ${exitCode}`,
      next: 'check free space and that the file system is writable there: df -h; mount | grep -w ro',
    });
  }
}

/**
 * Takes a file from standard input: complete and with its owner and mode before it gets its name. The size is checked
 * because a connection that breaks looks to the VM like the end of the file.
 */
function receiveScript(file: Omit<RemoteFile, 'content'>, size: number): string {
  const target = shellQuote(file.path);
  const folder = shellQuote(path.posix.dirname(file.path));
  return [
    'set -eu',
    `umask 022; mkdir -p ${folder}; umask 077`,
    `t=$(mktemp ${folder}/.meshlift.XXXXXX)`,
    `trap 'rm -f "$t"' EXIT`,
    'cat > "$t"',
    `[ "$(wc -c < "$t")" -eq ${size} ] || { echo "only $(wc -c < "$t") of ${size} bytes arrived" >&2; exit 1; }`,
    `chown ${shellQuote(file.owner)} "$t"; chmod ${file.mode.toString(8)} "$t"`,
    `mv -fT "$t" ${target}; trap - EXIT`,
  ].join('\n');
}

/** The target with `~` resolved in its files, as ssh does in some places only; `bad-input` for one that cannot be read. */
async function withReadableFiles(target: SshTarget): Promise<SshTarget> {
  const resolved = (file: string | undefined) => file?.replace(/^~(?=\/)/, homedir());
  const files = { configFile: resolved(target.configFile), identityFile: resolved(target.identityFile) };
  for (const [name, file] of Object.entries(files)) {
    if (file === undefined) continue;
    await access(file, constants.R_OK).catch((cause: Error) => {
      throw new MeshliftError('bad-input', {
        where: `ssh ${name} of VM ${target.host}`,
        why: `${file} cannot be read (${cause.message})`,
        next: 'name a file that is there, or leave it out to use your own ssh configuration',
        cause,
      });
    });
  }
  return { ...target, ...files, knownHostsFile: resolved(target.knownHostsFile) };
}

interface CommandIo {
  readonly stdin?: Readable | undefined;
  readonly signal?: AbortSignal | undefined;
  /** what the command writes to stderr at its end; nothing after it is waited for */
  readonly lastWords?: string;
}

/** What ssh makes of the target with the user's configuration: aliases, default user, port. */
async function resolveLogin(target: SshTarget, signal: AbortSignal | undefined): Promise<Login> {
  const { stdout, stderr, exitCode } = await runSsh(['-G', ...addressArguments(target), '--', target.host], {
    signal,
  });
  const settings = new Map(
    stdout.split('\n').map((line) => [line.split(' ')[0], line.split(' ').slice(1).join(' ')]),
  );
  const user = settings.get('user') ?? target.user ?? '';
  const host = settings.get('hostname') ?? target.host;
  const port = Number(settings.get('port') ?? target.port ?? 22);
  const login = { target: `${user}@${host}:${port}`, host, port };
  if (exitCode !== 0) throw loginFailure({ ...login, target: target.host }, stderr);
  return login;
}

/** Resolves when ssh has ended, however it ended; rejects with the signal's reason, or when there is no ssh. */
function runSsh(args: readonly string[], { stdin, signal, lastWords }: CommandIo): Promise<SshResult> {
  return new Promise((resolve, reject) => {
    signal?.throwIfAborted();
    const child = spawn('ssh', args, {
      stdio: [stdin ? 'pipe' : 'ignore', 'pipe', 'pipe'],
      ...(signal && { signal }),
    });
    let stdout = '';
    let stderr = '';
    child.stdout?.setEncoding('utf8').on('data', (chunk: string) => {
      stdout += chunk;
    });
    child.stderr?.setEncoding('utf8').on('data', (chunk: string) => {
      stderr += chunk;
    });
    if (stdin && child.stdin) {
      // A command may end before it has read everything (EPIPE): its exit code says what happened.
      pipeline(stdin, child.stdin).catch(() => {});
    }
    child.once('error', (error: NodeJS.ErrnoException) => {
      if (signal?.aborted) reject(signal.reason);
      else reject(error.code === 'ENOENT' ? noSshHere(error) : error);
    });
    // Not 'close': the shared connection's process goes on in the background, in older OpenSSH with our stderr open.
    const state = { exitCode: null as number | null, stdoutEnded: false, stderrEnded: false };
    const settle = () => {
      if (state.exitCode === null || !state.stdoutEnded) return;
      if (!state.stderrEnded && !(lastWords !== undefined && stderr.includes(lastWords))) return;
      child.stderr?.destroy();
      resolve({ exitCode: state.exitCode, stdout, stderr });
    };
    child.stdout?.once('end', () => {
      state.stdoutEnded = true;
      settle();
    });
    child.stderr?.on('data', settle).once('end', () => {
      state.stderrEnded = true;
      settle();
    });
    child.once('exit', (code) => {
      state.exitCode = code ?? 255;
      settle();
    });
  });
}

function noSshHere(cause: unknown): MeshliftError {
  return new MeshliftError('ssh-unreachable', {
    where: 'this machine',
    why: 'there is no ssh command',
    next: 'install the OpenSSH client, for example: apt-get install openssh-client',
    cause,
  });
}
