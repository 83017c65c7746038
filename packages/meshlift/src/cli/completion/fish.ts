import { type CommandEntry, type OptionEntry, type Values, valueOptions } from './table.ts';

/** Completion for fish: `meshlift completion fish | source`, or a file in ~/.config/fish/completions. */
export function fishCompletion(table: readonly CommandEntry[]): string {
  const withValue = valueOptions(table).flatMap((it) => it.names);
  return `# fish completion for meshlift; made by: meshlift completion fish
function __meshlift_at
    set -l at meshlift
    set -l skip 0
    for word in (commandline -opc)[2..]
        if test $skip = 1
            set skip 0
            continue
        end
        switch $word
            case ${withValue.map(quoted).join(' ')}
                set skip 1
                continue
            case '-*'
                continue
        end
        switch "$at $word"
            case ${table
              .slice(1)
              .map(({ path }) => quoted(path))
              .join(' ')}
                set at "$at $word"
        end
    end
    test "$at" = "$argv"
end
complete -c meshlift -f
${table.flatMap(lines).join('\n')}
`;
}

function lines({ argument, commands, options, path }: CommandEntry): readonly string[] {
  const here = `complete -c meshlift -n ${quoted(`__meshlift_at ${path}`)}`;
  return [
    ...commands.map(({ description, name }) => `${here} -a ${quoted(name)} -d ${quoted(description)}`),
    ...(argument?.of === 'words' ? [`${here} -a ${quoted(argument.words.join(' '))}`] : []),
    ...options.map((option) => `${here}${flags(option)} -d ${quoted(option.description)}`),
  ];
}

function flags({ names, value }: OptionEntry): string {
  const named = names.map((it) => (it.startsWith('--') ? ` -l ${it.slice(2)}` : ` -s ${it.slice(1)}`));
  return `${named.join('')}${value ? offer(value) : ''}`;
}

function offer(value: Values): string {
  switch (value.of) {
    case 'words':
      return ` -x -a ${quoted(value.words.join(' '))}`;
    case 'files':
      return ' -r -F';
    case 'folders':
      return " -x -a '(__fish_complete_directories)'";
    case 'anything':
      return ' -x';
  }
}

function quoted(text: string): string {
  return `'${text.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`;
}
