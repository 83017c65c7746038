import type { Command, Option } from 'commander';

/** What can stand in one place of a command line. */
export type Values =
  | { readonly of: 'words'; readonly words: readonly string[] }
  | { readonly of: 'files' }
  | { readonly of: 'folders' }
  /** a number, a name, a text: nothing to offer */
  | { readonly of: 'anything' };

export interface OptionEntry {
  /** `-o`, `--output` */
  readonly names: readonly string[];
  readonly description: string;
  /** null for an option without a value */
  readonly value: Values | null;
}

/** One command with all that can follow it; options of the commands above it can follow too. */
export interface CommandEntry {
  /** `meshlift vm join` */
  readonly path: string;
  readonly description: string;
  readonly commands: readonly { readonly name: string; readonly description: string }[];
  readonly options: readonly OptionEntry[];
  readonly argument: Values | null;
}

/** The command line as a flat table, for whoever writes a shell's completion. `codes` are what can be explained. */
export function commandTable(program: Command, codes: readonly string[]): readonly CommandEntry[] {
  const entries = (command: Command, above: readonly Option[], prefix: string): readonly CommandEntry[] => {
    const path = `${prefix}${command.name()}`;
    const options = [...command.options, ...above];
    const [argument] = command.registeredArguments;
    const entry: CommandEntry = {
      path,
      description: command.description(),
      commands: command.commands.map((it) => ({ name: it.name(), description: it.description() })),
      options: [
        ...options.map(optionEntry),
        { names: ['-h', '--help'], description: 'display help for command', value: null },
      ],
      argument: argument
        ? argument.name() === 'code'
          ? { of: 'words', words: codes }
          : valuesOf(argument.argChoices, argument.name())
        : null,
    };
    return [entry, ...command.commands.flatMap((it) => entries(it, options, `${path} `))];
  };
  return entries(program, [], '');
}

function optionEntry({ argChoices, description, long, optional, required, short }: Option): OptionEntry {
  return {
    names: [short, long].filter((it) => it !== undefined),
    description,
    value: required || optional ? valuesOf(argChoices, long ?? '') : null,
  };
}

function valuesOf(choices: readonly string[] | undefined, name: string): Values {
  if (choices) return { of: 'words', words: choices };
  if (/^--(file|kubeconfig|manifest|identity-file|ssh-config)$/.test(name)) return { of: 'files' };
  return name === '--folder' ? { of: 'folders' } : { of: 'anything' };
}

/** Every option that takes a value, once: the word after it is no command. */
export function valueOptions(
  table: readonly CommandEntry[],
): readonly (OptionEntry & { readonly value: Values })[] {
  const all = table.flatMap(({ options }) =>
    options.flatMap((it) => (it.value ? [{ ...it, value: it.value }] : [])),
  );
  return [...new Map(all.map((it) => [it.names.join(), it])).values()];
}
