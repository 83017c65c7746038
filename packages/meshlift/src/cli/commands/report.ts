import { mkdir, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { stringify } from 'yaml';
import { readStatus } from '../../engine/journal.ts';
import { type ExitCode, exitCodes } from '../../errors/codes.ts';
import { renderHtml } from '../../report/render-html.ts';
import { renderTerminal } from '../../report/render-terminal.ts';
import { reportData } from '../../report/report-data.ts';
import { withReadOnlyContext } from '../open-context.ts';
import type { CommonOptions } from '../options.ts';
import { eventLines } from '../render/event-lines.ts';
import type { Terminal } from '../terminal.ts';

/** The record as a report: on the terminal, and as report.html and report.json in a folder. */
export async function reportCommand(
  options: CommonOptions,
  folder: string,
  terminal: Terminal,
): Promise<ExitCode> {
  return withReadOnlyContext(options, terminal, eventLines(terminal, { json: false }), async (context) => {
    const report = reportData(context.migration, await readStatus(context));
    const into = resolve(terminal.cwd, folder);
    await mkdir(into, { recursive: true });
    await writeFile(join(into, 'report.json'), `${JSON.stringify(report, null, 2)}\n`);
    await writeFile(join(into, 'report.html'), renderHtml(report));
    if (options.output === 'table')
      terminal.out(renderTerminal(report, { columns: terminal.columns, color: terminal.color }));
    else terminal.out(options.output === 'json' ? `${JSON.stringify(report, null, 2)}\n` : stringify(report));
    terminal.err(`written: ${join(folder, 'report.html')}, ${join(folder, 'report.json')}\n`);
    return exitCodes.done;
  });
}
