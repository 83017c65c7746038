import { type Html, html } from '../html.ts';
import { type Frame, layout } from './layout.ts';

export interface Message {
  readonly title: string;
  readonly paragraphs: readonly string[];
  /** Where the same can be tried again. */
  readonly tryAgain?: string;
}

/** A page that has something to say instead of something to show. */
export function messagePage(frame: Frame, { title, paragraphs, tryAgain }: Message): Html {
  return layout(
    frame,
    title,
    html`<section class="message"><h1>${title}</h1>
${paragraphs.map((paragraph) => html`<p>${paragraph}</p>`)}
<p>${tryAgain !== undefined && html`<a class="primary" href="${tryAgain}">Try again</a> `}<a href="/">To the start</a></p></section>`,
  );
}
