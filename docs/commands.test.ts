import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { describe, expect, it } from 'vitest';

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

  it.each(commands.filter(({ command }) => command.startsWith('npx meshlift')))(
    '$file: $command has help for exactly these words',
    ({ command }) => {
      // Help of an unknown command is its parent's help: the usage line tells whose it is.
      const words = command.split(/\s+/).slice(2);
      const names = words.filter((word) => /^[a-z]+$/.test(word));
      const help = execFileSync(
        process.execPath,
        [join(root, 'packages/meshlift/bin/meshlift.js'), ...names, '--help'],
        { encoding: 'utf8' },
      );
      const path = names[0] === 'lab' ? names : ['meshlift', ...names];
      expect(help).toMatch(new RegExp(`^Usage: ${path.join(' ')} `));
      for (const flag of words.filter((word) => word.startsWith('-'))) expect(help).toContain(flag);
    },
  );

  it('are of kinds that are checked here, or belong to tools that everyone has', () => {
    const known = /^(make|npx meshlift|npx vitest|git clone|cd|export|curl|ssh|kubectl|istioctl)\b/;
    expect(commands.filter(({ command }) => !known.test(command))).toEqual([]);
  });
});
