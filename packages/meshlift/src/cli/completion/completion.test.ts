import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { commandLine } from '../command-line.ts';
import { completionCommand, type Shell, shells } from '../commands/completion.ts';
import type { Terminal } from '../terminal.ts';

const silent = { out: () => undefined, err: () => undefined } as unknown as Terminal;
const folder = mkdtempSync(join(tmpdir(), 'meshlift-completion-'));
afterAll(() => rmSync(folder, { recursive: true }));

beforeAll(async () => {
  for (const shell of shells) {
    await completionCommand(
      commandLine(silent, () => undefined),
      shell,
      {
        out: (text) => writeFileSync(join(folder, shell), text),
      },
    );
  }
});

/** Has the real shell complete the last of these words, with the script sourced. */
const complete: Record<Shell, (words: readonly string[]) => readonly string[]> = {
  bash: (words) =>
    run('bash', [
      '--norc',
      '-c',
      `source ${folder}/bash; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _meshlift; printf '%s\\n' "\${COMPREPLY[@]}"`,
      'bash',
      ...words,
    ]),
  // The widgets that only a line editor has are stood in for; everything else is zsh's own.
  zsh: (words) =>
    run('zsh', [
      '-f',
      '-c',
      `compdef() { :; }; _describe() { local -a all; all=("\${(@P)2}"); print -rl -- "\${all[@]%%:*}"; }; _files() { print -rl -- *; }; source ${folder}/zsh; words=("$@"); CURRENT=$#; _meshlift`,
      'zsh',
      ...words,
    ]),
  fish: (words) =>
    run('fish', [
      '--no-config',
      '-c',
      `source ${folder}/fish; complete -C ${JSON.stringify(words.join(' '))}`,
    ]).map((line) => line.split('\t')[0] ?? ''),
};

function run(shell: string, args: readonly string[]): readonly string[] {
  const text = execFileSync(shell, args, {
    cwd: folder,
    encoding: 'utf8',
    env: { ...process.env, HOME: folder },
  });
  return text.split('\n').filter(Boolean);
}

function installed(shell: Shell): boolean {
  return spawnSync(shell, ['--version']).status === 0;
}

describe.each(shells)('the completion of %s', (shell) => {
  // Where a shell is not installed there is nothing that could source its script.
  const test = it.skipIf(!installed(shell));
  const completed = (...words: string[]) => complete[shell](words);

  test('offers the commands that begin so', () => {
    expect(completed('meshlift', 'sh').filter((it) => it.startsWith('sh'))).toEqual(['shift']);
    expect(completed('meshlift', '')).toEqual(
      expect.arrayContaining(['check', 'plan', 'vm', 'explain', 'lab']),
    );
  });

  test('offers the commands below a command, also after options with values', () => {
    const below = completed('meshlift', '-f', 'check', 'vm', '');
    expect(below).toEqual(expect.arrayContaining(['join', 'leave', 'status']));
    expect(below).not.toContain('check');
  });

  test('offers a command’s own options and the common ones', () => {
    const offered = completed('meshlift', 'run', '--');
    expect(offered).toEqual(expect.arrayContaining(['--until', '--dry-run', '--output', '--help']));
    expect(offered).not.toContain('--folder');
  });

  test('offers what an option can be', () => {
    expect(completed('meshlift', 'run', '--until', '')).toEqual(['completed', 'retired']);
    expect([...completed('meshlift', '-o', '')].toSorted()).toEqual(['json', 'table', 'yaml']);
  });

  test('offers every code that can be explained', () => {
    expect(completed('meshlift', 'explain', 'not')).toContain('not-agreed');
  });

  test('offers files where a file is named', () => {
    expect(completed('meshlift', '-f', '')).toContain(shell);
  });
});
