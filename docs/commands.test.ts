import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import type { Command } from 'commander';
import { describe, expect, it } from 'vitest';
import { commandLine } from '../packages/meshlift/src/cli/command-line.ts';
import type { Terminal } from '../packages/meshlift/src/cli/terminal.ts';

const root = resolve(import.meta.dirname, '..');

/** Every command line of every ```sh block: prompts (`$ `) are taken off, output (other lines of a console block) is not here. */
function commandsOf(file: string): readonly string[] {
  const text = readFileSync(join(root, file), 'utf8');
  return [...text.matchAll(/```sh\n([\s\S]*?)```/g)]
    .flatMap((block) => (block[1] ?? '').split('\n'))
    .map((line) =>
      line
        .replace(/^\$ /, '')
        .replace(/\s+#.*$/, '')
        .trim(),
    )
    .filter((line) => line !== '' && !line.startsWith('#'));
}

const meshlift = /^(npx )?meshlift\b/;
/** To look at the commands without running any. */
const silent = { out: () => undefined, err: () => undefined } as unknown as Terminal;

function subcommand(command: Command, name: string): Command | undefined {
  return command.commands.find((it) => it.name() === name);
}

const documents = [
  'README.md',
  'CONTRIBUTING.md',
  ...readdirSync(join(root, 'docs'), { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.md'))
    .map((file) => join('docs', file)),
  ...readdirSync(join(root, 'packages')).map((name) => join('packages', name, 'README.md')),
].filter((file) => {
  try {
    return readFileSync(join(root, file)).length > 0;
  } catch {
    return false;
  }
});
const commands = documents.flatMap((file) => commandsOf(file).map((command) => ({ file, command })));

describe('the commands in the docs', () => {
  it('are there at all', () => {
    expect(commands.length).toBeGreaterThan(5);
  });

  it.each(commands.filter(({ command }) => command.startsWith('make ')))(
    '$file: $command is a target of the Makefile',
    ({ command }) => {
      const target = command.split(' ')[1] ?? '';
      expect(readFileSync(join(root, 'Makefile'), 'utf8')).toMatch(new RegExp(`^${target}:`, 'm'));
    },
  );

  it.each(commands.filter(({ command }) => meshlift.test(command) && !/ lab( |$)/.test(command)))(
    '$file: $command is a command that meshlift has, with these arguments and options',
    ({ command }) => {
      const words = command.replace(meshlift, '').split(/\s+/).filter(Boolean);
      let found = commandLine(silent, () => undefined);
      while (words[0] && subcommand(found, words[0])) found = subcommand(found, words.shift() ?? '') ?? found;
      const known = [
        ...found.options,
        ...(found.parent?.options ?? []),
        ...(found.parent?.parent?.options ?? []),
      ];
      const flags = words.filter((word) => word.startsWith('-') && !/^(-h|--help)$/.test(word));
      for (const flag of flags)
        expect(
          known.flatMap(({ long, short }) => [long, short]),
          flag,
        ).toContain(flag);
      const values = known.filter(
        ({ required, long, short }) => required && words.some((it) => it === long || it === short),
      );
      const positional = words.filter((word) => !word.startsWith('-')).length - values.length;
      expect(positional, 'arguments').toBeLessThanOrEqual(found.registeredArguments.length);
    },
  );

  it.each(commands.filter(({ command }) => / lab( |$)/.test(command) && meshlift.test(command)))(
    '$file: $command has help of the lab for exactly these words',
    ({ command }) => {
      // Help of an unknown command is its parent's help: the usage line tells whose it is.
      const words = command.replace(meshlift, '').split(/\s+/).filter(Boolean);
      const names = words.filter((word) => /^[a-z]+$/.test(word));
      const help = execFileSync(
        process.execPath,
        [join(root, 'packages/meshlift/bin/meshlift.js'), ...names, '--help'],
        { encoding: 'utf8' },
      );
      expect(help).toMatch(new RegExp(`^Usage: meshlift ${names.join(' ')} `));
      for (const flag of words.filter((word) => word.startsWith('-'))) expect(help).toContain(flag);
    },
  );

  it('are of kinds that are checked here, or belong to tools that everyone has', () => {
    const known = /^((npx )?meshlift|make|npx vitest|git clone|cd|export|curl|ssh(-\w+)?|kubectl|istioctl)\b/;
    expect(commands.filter(({ command }) => !known.test(command))).toEqual([]);
  });
});
