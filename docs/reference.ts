import type { Argument, Command, Option } from 'commander';
import { z } from 'zod';
import { allChecks } from '../packages/meshlift/src/checks/all-checks.ts';
import { commandLine } from '../packages/meshlift/src/cli/command-line.ts';
import { checkSchema } from '../packages/meshlift/src/cli/render/check-document.ts';
import { statusSchema } from '../packages/meshlift/src/cli/render/status-document.ts';
import type { Terminal } from '../packages/meshlift/src/cli/terminal.ts';
import { errorCodes, exitCodes } from '../packages/meshlift/src/errors/codes.ts';
import { reportSchema } from '../packages/meshlift/src/report/report.ts';
import {
  migrationJsonSchema,
  migrationKeys,
  type SchemaNode,
} from '../packages/meshlift/src/spec/migration-schema.ts';

/** The pages of docs/reference, made from the code that they describe: file name to text. */
export function referencePages(): ReadonlyMap<string, string> {
  return new Map([
    ['commands.md', commandsPage()],
    ['migration.md', migrationPage()],
    ['exit-codes.md', exitCodesPage()],
    ['codes.md', codesPage()],
    ['migration.schema.json', json(migrationJsonSchema())],
    ['status.schema.json', json(z.toJSONSchema(statusSchema))],
    ['check.schema.json', json(z.toJSONSchema(checkSchema))],
    ['report.schema.json', json(z.toJSONSchema(reportSchema))],
  ]);
}

/** What every made page begins with. */
export const made =
  '<!-- Made from the code: UPDATE_GOLDEN=1 npx vitest run --project unit docs/reference -->';

function commandsPage(): string {
  const silent = { out: () => undefined, err: () => undefined } as unknown as Terminal;
  const program = commandLine(silent, () => undefined);
  const below = program.commands.flatMap((it) => (it.commands.length > 0 ? it.commands : [it]));
  return page('Commands', [
    `\`meshlift\` ${program.description()}.`,
    'Options that every command takes, before or after it:',
    optionTable(program.options),
    'Results go to standard output, progress and errors to standard error. Ctrl-C detaches: the migration stays as it is.',
    ...below.flatMap(commandSection),
  ]);
}

function commandSection(command: Command): readonly string[] {
  const name = command.parent?.parent ? `${command.parent.name()} ${command.name()}` : command.name();
  const usage = command.registeredArguments.map(argumentUsage).join(' ');
  const choices = command.registeredArguments.map(
    (it) => `\`${it.name()}\`: ${it.description}${it.argChoices ? ` (${it.argChoices.join(', ')})` : ''}`,
  );
  return [
    `## meshlift ${[name, usage].filter(Boolean).join(' ')}`,
    sentence(command.description()),
    ...choices,
    ...(command.options.length > 0 ? [optionTable(command.options)] : []),
  ];
}

function argumentUsage(it: Argument): string {
  return it.required ? `<${it.name()}>` : `[${it.name()}]`;
}

function optionTable(options: readonly Option[]): string {
  const rows = options.map(({ argChoices, defaultValue, description, flags }) => [
    code(flags),
    `${description}${argChoices ? `: ${argChoices.join(', ')}` : ''}`,
    defaultValue === undefined ? '' : code(String(defaultValue)),
  ]);
  return table(['option', 'what it does', 'default'], rows);
}

function migrationPage(): string {
  const keys = migrationKeys(migrationJsonSchema());
  const rows = keys.map(({ node, path, required }) => [
    code(path),
    kindOf(node),
    required
      ? 'needed'
      : node.default === undefined || isEmpty(node.default)
        ? ''
        : code(JSON.stringify(node.default)),
    node.description ?? '',
  ]);
  return page('migration.yaml', [
    'Every key, with its default. The file is strict: a key that is not here is an error, since a misspelt gate would be a gate that is not there. `meshlift init` writes a first one.',
    'Durations are written like `500ms`, `30s`, `5m`, `2h`; percentages like `1%`. Editors that know JSON schemas complete and check it: begin the file with `# yaml-language-server: $schema=` and the path of [migration.schema.json](migration.schema.json).',
    table(['key', 'value', 'default', 'what it is for'], rows),
  ]);
}

function kindOf(node: SchemaNode): string {
  if (node.const !== undefined) return code(String(node.const));
  if (node.enum) return node.enum.map((it) => code(String(it))).join(', ');
  if (node.anyOf) return [...new Set(node.anyOf.map(kindOf))].join(' or ');
  if (node.type === 'array' && node.items) return `list of ${kindOf(node.items)}`;
  return node.type ?? '';
}

function isEmpty(value: unknown): boolean {
  return typeof value === 'object' && value !== null && Object.keys(value).length === 0;
}

function exitCodesPage(): string {
  const meaning: Record<keyof typeof exitCodes, string> = {
    done: 'what was asked for is true',
    error: 'it failed; the message has a code, and what to do',
    held: 'it holds until something changes; of `plan`, `--dry-run` and `vm status`: not as it should be',
    rolledBack: 'the gate put everything back on the VM, verified',
    timedOut: 'it did not become true in time',
    usage: 'the command line is not valid',
    badInput: 'the migration file, or what it names, is not valid; nothing was changed',
    checksFailed: 'a check that must hold does not; nothing was changed',
  };
  const rows = Object.entries(exitCodes).map(([name, exit]) => [
    String(exit),
    meaning[name as keyof typeof exitCodes],
    Object.entries(errorCodes)
      .flatMap(([error, facts]) => (facts.exit === exit ? [runbook(error)] : []))
      .join(', '),
  ]);
  return page('Exit codes', [table(['exit', 'meaning', 'errors that end so'], rows)]);
}

function codesPage(): string {
  const errors = Object.entries(errorCodes).map(([error, { retryable, title }]) => [
    runbook(error),
    title,
    retryable ? 'may help' : '',
  ]);
  const checks = allChecks.map(({ category, id, sentence: text, severity }) => [
    runbook(id),
    category,
    text,
    severity === 'fatal' ? 'stops' : 'warns',
  ]);
  return page('Codes of errors and checks', [
    'Each has a page that says what it means and what to do; `meshlift explain CODE` shows it without a network.',
    '## Errors',
    table(['code', 'what went wrong', 'trying again'], errors),
    '## Checks',
    table(['code', 'about', 'what must hold', 'otherwise'], checks),
  ]);
}

function runbook(it: string): string {
  return `[${it}](../runbooks/${it}.md)`;
}

function page(title: string, parts: readonly string[]): string {
  return `${[made, `# ${title}`, ...parts].join('\n\n')}\n`;
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) =>
    `| ${cells.map((it) => it.replaceAll('|', '\\|')).join(' | ')} |`;
  return [line(head), line(head.map(() => '---')), ...rows.map(line)].join('\n');
}

function sentence(text: string): string {
  return `${text.charAt(0).toUpperCase()}${text.slice(1)}.`;
}

function code(text: string): string {
  return `\`${text}\``;
}

function json(value: unknown): string {
  return `${JSON.stringify(value, null, 2)}\n`;
}
