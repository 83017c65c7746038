import { type ExitCode, exitCodes } from '../../errors/codes.ts';
import { MeshliftError } from '../../errors/error.ts';
import type { CommonOptions } from '../options.ts';
import { plainPage } from '../render/plain-page.ts';
import { type Runbook, readRunbook, runbookCodes } from '../runbooks.ts';
import type { Terminal } from '../terminal.ts';

/** What a code means and what to do about it, from the runbook pages; without a code, all of them. Asks no cluster. */
export async function explainCommand(
  options: Pick<CommonOptions, 'output'>,
  code: string | undefined,
  terminal: Pick<Terminal, 'out'>,
): Promise<ExitCode> {
  const codes = await runbookCodes();
  if (code !== undefined && !codes.includes(code)) throw unknownCode(code, codes);
  const pages = await Promise.all((code === undefined ? codes : [code]).map(readRunbook));
  const data = code === undefined ? pages.map(({ text: _text, ...it }) => it) : pages[0];
  if (options.output === 'json') terminal.out(`${JSON.stringify(data, null, 2)}\n`);
  else if (options.output === 'yaml') terminal.out((await import('yaml')).stringify(data));
  else terminal.out(code === undefined ? index(pages) : pages.map(page).join('\n'));
  return exitCodes.done;
}

function page({ code, title, text }: Runbook): string {
  return `${code}: ${title}\n\n${plainPage(text)}`;
}

function index(pages: readonly Runbook[]): string {
  const width = Math.max(...pages.map(({ code }) => code.length));
  const lines = (about: Runbook['about']) =>
    pages.filter((it) => it.about === about).map(({ code, title }) => `  ${code.padEnd(width)}  ${title}`);
  return [
    'errors',
    ...lines('error'),
    '',
    'checks',
    ...lines('check'),
    '',
    'meshlift explain CODE tells what it means and what to do',
    '',
  ].join('\n');
}

function unknownCode(code: string, codes: readonly string[]): MeshliftError {
  const words = code.split('-');
  const alike = codes.filter((it) => words.some((word) => word !== '' && it.includes(word)));
  return new MeshliftError('bad-usage', {
    where: `code ${JSON.stringify(code)}`,
    why: 'no error and no check has this code',
    next:
      alike.length > 0 && alike.length <= 8
        ? `did you mean ${alike.join(', ')}?`
        : 'meshlift explain lists them all',
  });
}
