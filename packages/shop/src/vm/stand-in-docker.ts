#!/usr/bin/env node
import { spawn } from 'node:child_process';
import { existsSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

// Stands in for `docker` in tests: a registry of image ids (images.json), and one container, which runs this package's
// catalog as a process of its own. It knows the commands and flags of vm/run-in-docker.sh, and refuses all others.

const folder = process.env.STAND_IN_DOCKER ?? '';
const state = join(folder, 'container.json');
const registry = JSON.parse(readFileSync(join(folder, 'images.json'), 'utf8')) as Record<string, string>;
const program = fileURLToPath(new URL('../productcatalogservice/main.ts', import.meta.url));

interface Container {
  readonly pid: number;
  readonly flags: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  readonly labels: Readonly<Record<string, string>>;
}

const container = (): Container | null =>
  existsSync(state) ? (JSON.parse(readFileSync(state, 'utf8')) as Container) : null;

/** A process that has ended and that nobody has asked about is still in the table, as a zombie. */
function runs({ pid }: Container): boolean {
  const status = existsSync(`/proc/${pid}/status`) ? readFileSync(`/proc/${pid}/status`, 'utf8') : '';
  return /^State:\s+[^Z]/m.test(status);
}

function fail(message: string): never {
  process.stderr.write(`${message}\n`);
  process.exit(1);
}

function imageId(image: string | undefined): string {
  return registry[image ?? ''] ?? fail(`Error response from daemon: no such image: ${image}`);
}

const [command = '', ...rest] = process.argv.slice(2);
switch (command) {
  case 'pull':
    imageId(flagsOf(rest, { quiet: { type: 'boolean' } }).positionals[0]);
    break;
  case 'image': {
    const { positionals } = flagsOf(rest.slice(1), { format: { type: 'string' } });
    process.stdout.write(`${imageId(positionals[0])}\n`);
    break;
  }
  case 'inspect': {
    const it = container() ?? fail('Error: No such object: productcatalogservice');
    const { format } = flagsOf(rest, { format: { type: 'string' } }).values;
    // Nothing starts it again: it has ended once for each time that it would have been.
    if (format === '{{.RestartCount}}') process.stdout.write(runs(it) ? '0\n' : `${Date.now()}\n`);
    else if (format === '{{.State.Running}} {{index .Config.Labels "made-of"}}')
      process.stdout.write(`${runs(it)} ${it.labels['made-of']}\n`);
    else fail(`this stand-in cannot format ${format}`);
    break;
  }
  case 'rm': {
    const it = container() ?? fail('Error: No such container: productcatalogservice');
    if (runs(it)) process.kill(it.pid, 'SIGKILL');
    rmSync(state);
    break;
  }
  case 'run':
    start(rest);
    break;
  default:
    fail(`this stand-in has no command ${command}`);
}

function start(args: string[]): void {
  const { values, positionals } = flagsOf(args, {
    detach: { type: 'boolean' },
    'read-only': { type: 'boolean' },
    name: { type: 'string' },
    restart: { type: 'string' },
    network: { type: 'string' },
    'stop-timeout': { type: 'string' },
    'cap-drop': { type: 'string' },
    'security-opt': { type: 'string' },
    'env-file': { type: 'string' },
    label: { type: 'string', multiple: true },
    env: { type: 'string', multiple: true },
  });
  if (container() !== null) fail('Conflict. The container name "/productcatalogservice" is already in use');
  imageId(positionals[0]);
  const { env, label, 'env-file': file, ...flags } = values;
  const lines = typeof file === 'string' ? readFileSync(file, 'utf8').split('\n') : [];
  const variables = pairs([...lines.filter((line) => line.includes('=')), ...many(env)]);
  const log = openSync(join(folder, 'container.log'), 'a');
  const child = spawn(process.execPath, [program], {
    env: variables,
    detached: true,
    stdio: ['ignore', log, log],
  });
  const started: Container = {
    pid: child.pid ?? fail('the program could not be started'),
    flags: Object.entries(flags).map(([name, value]) =>
      value === true ? `--${name}` : `--${name}=${value}`,
    ),
    env: variables,
    labels: pairs(many(label)),
  };
  writeFileSync(state, JSON.stringify(started));
  child.unref();
}

function flagsOf(args: string[], options: NonNullable<Parameters<typeof parseArgs>[0]>['options']) {
  return parseArgs({ args, options: options ?? {}, allowPositionals: true });
}

function many(value: unknown): string[] {
  return Array.isArray(value) ? value.map(String) : [];
}

function pairs(texts: readonly string[]): Record<string, string> {
  return Object.fromEntries(
    texts.map((text) => [text.slice(0, text.indexOf('=')), text.slice(text.indexOf('=') + 1)]),
  );
}
