import { type Html, html } from '../html.ts';
import { type Frame, layout } from './layout.ts';

/** A page that has something to say instead of something to show. */
export function messagePage(
  frame: Frame,
  { title, paragraphs, tryAgain }: { title: string; paragraphs: readonly string[]; tryAgain?: string },
): Html {
  return layout(
    frame,
    title,
    html`<section class="message"><h1>${title}</h1>
${paragraphs.map((paragraph) => html`<p>${paragraph}</p>`)}
<p>${tryAgain !== undefined && html`<a class="primary" href="${tryAgain}">Try again</a> `}<a href="/">To the start</a></p></section>`,
  );
}
