import type { ServedBy } from '../../catalog-calls/served-by.ts';
import { type Html, html } from '../html.ts';
import type { StaticFiles } from '../http/static-files.ts';
import type { Part, Visit } from '../visit.ts';

/** What every page shows around its content. */
export interface Frame {
  readonly visit: Visit;
  readonly files: StaticFiles;
  /** Currencies to choose from; none hides the choice. */
  readonly currencies: readonly string[];
  /** Pieces in the cart; undefined when the cart cannot be reached. */
  readonly cartSize: number | undefined;
  /** Where to come back to after switching the currency. */
  readonly path: string;
  readonly searched?: string;
}

/** What customers read about a part that is away. The catalog has words of its own on every page. */
const NOTES: Readonly<Partial<Record<Part, string>>> = {
  cart: 'The cart cannot be reached right now. Browsing works; adding to the cart and ordering don’t.',
  currency: 'Currency conversion is away right now, so prices are in US dollars.',
  recommendations: 'Recommendations are away right now.',
  shipping: 'Shipping costs cannot be worked out right now.',
};

export function layout(frame: Frame, title: string, content: Html): Html {
  const { visit, files, cartSize } = frame;
  const copy = visit.servedBy;
  const notes = [...visit.missing].flatMap((part) => NOTES[part] ?? []);
  return html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>${title} &middot; Online Boutique</title>
<link rel="stylesheet" href="${files.address('/static/style.css')}">
<link rel="icon" href="${files.address('/static/img/mark.svg')}" type="image/svg+xml">
</head>
<body${servedByAttributes(copy)}${visit.missing.size > 0 && html` data-missing="${[...visit.missing].join(',')}"`}>
<a class="skip" href="#content">Skip to content</a>
<header class="bar">
  <div class="bar-inner">
    <a class="brand" href="/"><img src="${files.address('/static/img/mark.svg')}" alt="" width="34" height="34"><span>Online Boutique</span></a>
    <form class="search" role="search" action="/search">
      <label class="hidden" for="q">Search the shop</label>
      <input id="q" type="search" name="q" placeholder="Search" value="${frame.searched ?? ''}" maxlength="80">
      <button type="submit">Search</button>
    </form>
    ${frame.currencies.length > 0 && currencySwitch(frame)}
    <a class="cart-link" href="/cart">Cart <span class="count">${cartSize ?? '–'}<span class="hidden"> ${cartSize === undefined ? 'unknown number of things' : cartSize === 1 ? 'thing' : 'things'}</span></span></a>
  </div>
</header>
<main id="content" tabindex="-1">
${notes.length > 0 && html`<div class="note" role="status">${notes.map((note) => html`<p>${note}</p>`)}</div>`}
${content}
</main>
<footer>
  <p>A demonstration shop: nothing is charged and nothing is shipped.</p>
  <p class="served">${servedByText(copy)} <span class="request">Request ${visit.requestId.slice(0, 8)}</span></p>
</footer>
</body>
</html>
`;
}

function currencySwitch({ currencies, visit, path }: Frame): Html {
  return html`<form class="currency" method="post" action="/setCurrency">
      <input type="hidden" name="return_to" value="${path}">
      <label class="hidden" for="currency">Currency</label>
      <select id="currency" name="currency_code">${currencies.map(
        (code) => html`<option value="${code}"${code === visit.currency && html` selected`}>${code}</option>`,
      )}</select>
      <button type="submit">Switch<span class="hidden"> currency</span></button>
    </form>`;
}

function servedByAttributes(copy: ServedBy | undefined): Html {
  if (copy === undefined) return html``;
  return html` data-served-by-side="${copy.side}" data-served-by="${copy.host}" data-served-by-cluster="${copy.cluster}"`;
}

const SIDE_NAMES: Readonly<Record<string, string>> = { vm: 'the virtual machine', k8s: 'Kubernetes' };

function servedByText(copy: ServedBy | undefined): Html {
  if (copy === undefined) return html`<span class="side side-none"></span>No catalog in this page.`;
  const where = [...new Set([copy.host, copy.cluster])].filter((name) => name !== 'unknown').join(', ');
  return html`<span class="side side-${copy.side}"></span>Catalog from <strong>${SIDE_NAMES[copy.side] ?? 'an unnamed side'}</strong>${where !== '' && html` (${where})`}.`;
}
