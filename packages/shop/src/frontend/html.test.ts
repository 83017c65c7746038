import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { html } from './html.ts';

describe('the HTML template', () => {
  it('lets no text out as markup, in content or in an attribute', () => {
    fc.assert(
      fc.property(fc.string(), (text) => {
        const inner = html`<p title="${text}">${text}</p>`.markup.slice('<p title="'.length, -'</p>'.length);
        expect(inner.replaceAll('">', '')).not.toMatch(/[<>"']/);
      }),
    );
  });

  it('keeps nested templates and lists of them, and drops what is absent', () => {
    const items = ['a', '<b>'].map((item) => html`<li>${item}</li>`);
    expect(html`<ul>${items}${false}${undefined}${null}${0}</ul>`.markup).toBe(
      '<ul><li>a</li><li>&lt;b&gt;</li>0</ul>',
    );
  });
});
