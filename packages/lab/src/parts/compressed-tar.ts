import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createReadStream, createWriteStream } from 'node:fs';
import { Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { constants, createZstdCompress, createZstdDecompress } from 'node:zlib';

/** Told as data passes: bytes so far. */
type Counted = (bytes: number) => void;

/** Writes the named files of `folder`, in this order, into one compressed file. Counts bytes before compression. */
export async function pack(
  folder: string,
  names: readonly string[],
  file: string,
  signal: AbortSignal,
  counted: Counted,
): Promise<void> {
  const nobodys = ['--owner=0', '--group=0', '--numeric-owner'];
  const compress = createZstdCompress({ params: { [constants.ZSTD_c_checksumFlag]: 1 } });
  await withTar(
    ['--create', '--file=-', `--directory=${folder}`, ...nobodys, '--', ...names],
    signal,
    ({ stdout }) => pipeline(stdout, counter(counted), compress, createWriteStream(file), { signal }),
  );
}

/** Unpacks a file that `pack` wrote into `folder`. Counts the compressed file's bytes. */
export async function unpack(
  file: string,
  folder: string,
  signal: AbortSignal,
  counted: Counted,
): Promise<void> {
  await withTar(
    ['--extract', '--file=-', `--directory=${folder}`, '--no-same-owner', '--no-same-permissions'],
    signal,
    ({ stdin }) =>
      pipeline(createReadStream(file), counter(counted), createZstdDecompress(), stdin, { signal }),
  );
}

interface Tar {
  readonly stdin: NodeJS.WritableStream;
  readonly stdout: NodeJS.ReadableStream;
}

/** Runs tar, moves its data with `move`, and rejects with what tar said if it ends badly. */
async function withTar(
  args: readonly string[],
  signal: AbortSignal,
  move: (tar: Tar) => Promise<void>,
): Promise<void> {
  const child = spawn('tar', args, { stdio: ['pipe', 'pipe', 'pipe'], signal });
  const said: Buffer[] = [];
  child.stderr.on('data', (chunk: Buffer) => said.push(chunk));
  const closed = once(child, 'close');
  const moved = move(child);
  // Both are awaited before either's failure is told: tar's own message explains a broken pipe.
  const [ended, movement] = await Promise.allSettled([closed, moved]);
  signal.throwIfAborted();
  if (ended.status === 'rejected') throw ended.reason;
  const message = Buffer.concat(said).toString().trim();
  if (ended.value[0] !== 0) throw new Error(`tar: ${message || `exit code ${ended.value[0]}`}`);
  if (movement.status === 'rejected') throw movement.reason;
}

function counter(counted: Counted): Transform {
  let bytes = 0;
  return new Transform({
    transform(chunk: Buffer, _encoding, done) {
      bytes += chunk.length;
      counted(bytes);
      done(null, chunk);
    },
  });
}
