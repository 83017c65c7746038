import { readdir, readFile } from 'node:fs/promises';
import { errorCodes } from '../errors/codes.ts';

/** What to do about one error or one check that doesn't hold: docs/runbooks/CODE.md, which comes with the program. */
export interface Runbook {
  readonly code: string;
  readonly about: 'error' | 'check';
  /** what went wrong, or the sentence that should hold */
  readonly title: string;
  /** the page from its first section on, as Markdown */
  readonly text: string;
}

export const runbookFolder = new URL('../../../../docs/runbooks/', import.meta.url);

/** Every code that has a page, sorted. */
export async function runbookCodes(): Promise<readonly string[]> {
  const files = await readdir(runbookFolder);
  return files
    .filter((file) => file.endsWith('.md'))
    .map((file) => file.slice(0, -'.md'.length))
    .sort();
}

/** The page of a code that has one. */
export async function readRunbook(code: string): Promise<Runbook> {
  const page = await readFile(new URL(`${code}.md`, runbookFolder), 'utf8');
  const [heading, title, ...sections] = page.split('\n\n');
  if (heading !== `# ${code}` || !title)
    throw new TypeError(`docs/runbooks/${code}.md does not begin with its code and its title`);
  return { code, about: code in errorCodes ? 'error' : 'check', title, text: sections.join('\n\n') };
}
