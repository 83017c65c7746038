import { expect, it } from 'vitest';
import { plainPage } from './plain-page.ts';

it('shows a page without its marks, with commands indented and links by their words', () => {
  const page = [
    '## What to do',
    '',
    '1. See **who** holds `spec.net`, as [bad-input](bad-input.md) says:',
    '',
    '```sh',
    'kubectl get pods -l "a in (b, c)" # **not prose**',
    '```',
  ].join('\n');
  expect(plainPage(page)).toBe(
    [
      'What to do',
      '',
      '1. See who holds spec.net, as bad-input says:',
      '',
      '    kubectl get pods -l "a in (b, c)" # **not prose**',
    ].join('\n'),
  );
});
