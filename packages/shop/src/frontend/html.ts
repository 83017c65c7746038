/** Text that is safe to send as HTML: made by {@link html} only, so nothing unescaped gets in by accident. */
export class Html {
  readonly markup: string;

  constructor(markup: string) {
    this.markup = markup;
  }

  toString(): string {
    return this.markup;
  }
}

type Fragment = Html | string | number | bigint | false | null | undefined | readonly Fragment[];

/** A template for HTML. Everything put into it is escaped, except other templates; false, null and undefined vanish. */
export function html(literals: TemplateStringsArray, ...fragments: readonly Fragment[]): Html {
  let markup = literals[0] ?? '';
  fragments.forEach((fragment, index) => {
    markup += render(fragment) + (literals[index + 1] ?? '');
  });
  return new Html(markup);
}

function render(fragment: Fragment): string {
  if (fragment === false || fragment === null || fragment === undefined) return '';
  if (fragment instanceof Html) return fragment.markup;
  if (typeof fragment === 'object') return fragment.map(render).join('');
  return escapeText(String(fragment));
}

const ESCAPES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

function escapeText(text: string): string {
  return text.replace(/[&<>"']/g, (character) => ESCAPES[character] ?? character);
}
