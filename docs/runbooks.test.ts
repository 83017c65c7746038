import { describe, expect, it } from 'vitest';
import { allChecks } from '../packages/meshlift/src/checks/all-checks.ts';
import { readRunbook, runbookCodes } from '../packages/meshlift/src/cli/runbooks.ts';
import { errorCodes } from '../packages/meshlift/src/errors/codes.ts';

/** Every code that people can be shown, with the sentence that goes with it. */
const titles = new Map([
  ...Object.entries(errorCodes).map(([code, { title }]) => [code, title] as const),
  ...allChecks.map(({ id, sentence }) => [id, sentence] as const),
]);

describe('the runbooks', () => {
  it('are one page for every error code and every check, and no page for anything else', async () => {
    expect(await runbookCodes()).toEqual([...titles.keys()].sort());
  });

  it.each([...titles])('docs/runbooks/%s.md has the sentence that people were shown', async (code, title) => {
    const page = await readRunbook(code);
    expect(page.title).toBe(title);
    expect(page.about).toBe(code in errorCodes ? 'error' : 'check');
  });

  it.each([...titles.keys()])('docs/runbooks/%s.md tells what it means, then what to do', async (code) => {
    const { text } = await readRunbook(code);
    expect(text.match(/^## .*$/gm)).toEqual(['## What it means', '## What to do']);
    expect(text.split('## What to do')[1]?.trim()).not.toBe('');
  });
});
