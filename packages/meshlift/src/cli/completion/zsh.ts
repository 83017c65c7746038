import { shellQuote } from '../../effects/ssh/shell-quote.ts';
import { type CommandEntry, type Values, valueOptions } from './table.ts';

/** Completion for zsh: `source <(meshlift completion zsh)`, or a file `_meshlift` in a folder of fpath. */
export function zshCompletion(table: readonly CommandEntry[]): string {
  const withValue = valueOptions(table);
  return `#compdef meshlift
# zsh completion for meshlift; made by: meshlift completion zsh
_meshlift() {
  local at=meshlift current=\${words[CURRENT]} previous=\${words[CURRENT-1]} word
  local -a offered
  local -i i
  for ((i = 2; i < CURRENT; i++)); do
    word=\${words[i]}
    case $word in
      ${withValue.flatMap((it) => it.names).join('|')}) ((i++)); continue ;;
      -*) continue ;;
    esac
    case "$at $word" in
      (${table
        .slice(1)
        .map(({ path }) => shellQuote(path))
        .join('|')}) at="$at $word" ;;
    esac
  done
  case $previous in
${withValue.map(({ names, value }) => `    (${names.join('|')}) ${offer(value)}; return ;;`).join('\n')}
  esac
  case $at in
${table.map((entry) => `    (${shellQuote(entry.path)}) ${choices(entry)} ;;`).join('\n')}
  esac
  _describe 'meshlift' offered
}
if [[ $funcstack[1] == _meshlift ]]; then _meshlift "$@"; else compdef _meshlift meshlift; fi
`;
}

function choices({ argument, commands, options }: CommandEntry): string {
  const flags = options.flatMap(({ description, names }) => names.map((name) => pair(name, description)));
  const plain = [
    ...commands.map(({ description, name }) => pair(name, description)),
    ...(argument?.of === 'words' ? argument.words.map(shellQuote) : []),
  ];
  return `if [[ $current == -* ]]; then offered=(${flags.join(' ')}); else offered=(${plain.join(' ')}); fi`;
}

function offer(value: Values): string {
  switch (value.of) {
    case 'words':
      return `offered=(${value.words.map(shellQuote).join(' ')}); _describe 'value' offered`;
    case 'files':
      return '_files';
    case 'folders':
      return '_files -/';
    case 'anything':
      return ':';
  }
}

/** In an entry of _describe a colon ends the word. */
function pair(name: string, description: string): string {
  return shellQuote(`${name.replaceAll(':', '\\:')}:${description}`);
}
