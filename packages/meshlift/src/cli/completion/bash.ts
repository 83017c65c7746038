import { shellQuote } from '../../effects/ssh/shell-quote.ts';
import { type CommandEntry, type Values, valueOptions } from './table.ts';

/** Completion for bash: `source <(meshlift completion bash)`. */
export function bashCompletion(table: readonly CommandEntry[]): string {
  const withValue = valueOptions(table);
  return `# bash completion for meshlift; made by: meshlift completion bash
_meshlift() {
  local current=\${COMP_WORDS[COMP_CWORD]} previous=\${COMP_WORDS[COMP_CWORD-1]} at=meshlift words= word i
  COMPREPLY=()
  for ((i = 1; i < COMP_CWORD; i++)); do
    word=\${COMP_WORDS[i]}
    case $word in
      ${withValue.flatMap((it) => it.names).join('|')}) ((i++)); continue ;;
      -*) continue ;;
    esac
    case "$at $word" in
      ${table
        .slice(1)
        .map(({ path }) => shellQuote(path))
        .join('|')}) at="$at $word" ;;
    esac
  done
  case $previous in
${withValue.map(({ names, value }) => `    ${names.join('|')}) ${offer(value)}; return ;;`).join('\n')}
  esac
  case $at in
${table.map((entry) => `    ${shellQuote(entry.path)}) ${words(entry)} ;;`).join('\n')}
  esac
  COMPREPLY=($(compgen -W "$words" -- "$current"))
}
complete -F _meshlift meshlift
`;
}

function words({ argument, commands, options }: CommandEntry): string {
  const flags = options.flatMap(({ names }) => names).join(' ');
  const plain = [...commands.map(({ name }) => name), ...(argument?.of === 'words' ? argument.words : [])];
  return `if [[ $current == -* ]]; then words=${shellQuote(flags)}; else words=${shellQuote(plain.join(' '))}; fi`;
}

function offer(value: Values): string {
  switch (value.of) {
    case 'words':
      return `COMPREPLY=($(compgen -W ${shellQuote(value.words.join(' '))} -- "$current"))`;
    case 'files':
      return 'COMPREPLY=($(compgen -f -- "$current"))';
    case 'folders':
      return 'COMPREPLY=($(compgen -d -- "$current"))';
    case 'anything':
      return 'COMPREPLY=()';
  }
}
