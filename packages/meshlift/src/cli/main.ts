import { homedir } from 'node:os';
import { run } from './run.ts';

const interrupted = new AbortController();
for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.once(signal, () => interrupted.abort(new Error(signal)));
}
// A reader that has seen enough (`meshlift report | head`) is no failure.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') throw error;
});

process.exitCode = await run(process.argv.slice(2), {
  out: (text) => process.stdout.write(text),
  err: (text) => process.stderr.write(text),
  streams: { stdin: process.stdin, stdout: process.stdout, stderr: process.stderr },
  env: process.env,
  cwd: process.cwd(),
  home: homedir(),
  interactive: process.stderr.isTTY === true,
  screen: process.stdout.isTTY === true,
  color: process.stdout.isTTY === true && !process.env.NO_COLOR,
  get columns() {
    return process.stdout.columns ?? 100;
  },
  get rows() {
    return process.stdout.rows ?? 40;
  },
  signal: interrupted.signal,
});
