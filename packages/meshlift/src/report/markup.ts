/** HTML or SVG that is safe to write out: every value in it has been escaped. */
export class Markup {
  readonly #text: string;

  constructor(trusted: string) {
    this.#text = trusted;
  }

  toString(): string {
    return this.#text;
  }
}

type Value = Markup | string | number | null | false | readonly Value[];

/**
 * Template tag for markup. Names and reasons in a report come from clusters and people, so everything put into a
 * template is escaped, for text as well as for quoted attributes; only other markup goes in as it is. `null` and
 * `false` leave nothing behind.
 */
export function markup(template: TemplateStringsArray, ...values: readonly Value[]): Markup {
  return new Markup(String.raw({ raw: template }, ...values.map(written)));
}

function written(value: Value): string {
  if (value === null || value === false) return '';
  if (value instanceof Markup) return value.toString();
  if (typeof value === 'string' || typeof value === 'number') return escaped(String(value));
  return value.map(written).join('');
}

const entities: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

function escaped(text: string): string {
  return text.replaceAll(/[&<>"']/g, (character) => entities[character] ?? '');
}
