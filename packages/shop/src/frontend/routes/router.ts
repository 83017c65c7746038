import type { IncomingMessage } from 'node:http';
import { BadRequest, readForm } from '../http/form.ts';
import { page, type Reply } from '../http/reply.ts';
import type { Ingredients } from '../ingredients.ts';
import { messagePage } from '../pages/message-page.ts';
import * as browsing from './browsing.ts';
import * as cart from './cart.ts';
import { switchCurrency } from './currency.ts';
import { placeOrder } from './ordering.ts';

/**
 * The answer to any request for a page. A page answers 200 when it has what the customer came for, with a note about any
 * smaller part that is missing, 503 when it has not, and 4xx with what to mend.
 */
export async function route(request: IncomingMessage, url: URL, from: Ingredients): Promise<Reply> {
  try {
    return await find(request, url, from);
  } catch (error) {
    if (!(error instanceof BadRequest)) throw error;
    const message = { title: 'That did not work', paragraphs: [error.message] };
    return page(400, messagePage(await from.frame('/'), message));
  }
}

async function find(request: IncomingMessage, url: URL, from: Ingredients): Promise<Reply> {
  const method = request.method === 'HEAD' ? 'GET' : request.method;
  switch (`${method} ${url.pathname}`) {
    case 'GET /':
      return browsing.home(from);
    case 'GET /search':
      return browsing.search(from, (url.searchParams.get('q') ?? '').trim().slice(0, 80));
    case 'GET /api/products':
      return browsing.productList(from);
    case 'GET /cart':
      return cart.cart(from);
    case 'POST /cart':
      return cart.addToCart(from, await readForm(request));
    case 'POST /cart/empty':
      return cart.emptyCart(from);
    case 'POST /cart/checkout':
      return placeOrder(from, await readForm(request));
    case 'POST /setCurrency':
      return switchCurrency(from, await readForm(request));
  }
  const product = /^\/product\/([^/]+)$/.exec(url.pathname)?.[1];
  if (method === 'GET' && product !== undefined) return browsing.product(from, decoded(product));
  const paragraphs = [`No page of ours is called ${url.pathname.slice(0, 200)}.`];
  return page(404, messagePage(await from.frame('/'), { title: 'There is nothing here', paragraphs }));
}

function decoded(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    throw new BadRequest('That address is garbled.');
  }
}
