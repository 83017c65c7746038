import { sum, times } from '../../money/money.ts';
import { BadRequest } from '../http/form.ts';
import { page, type Reply, seeOther } from '../http/reply.ts';
import type { Ingredients } from '../ingredients.ts';
import { type CartView, cartPage, emptyCartPage } from '../pages/cart-page.ts';
import { orMissing } from '../visit.ts';
import { notDone, unavailable } from './unavailable.ts';

/** The cart with its order form; `refused` is an order that was sent and has to be mended. */
export async function cart(from: Ingredients, refused?: CartView['refused']): Promise<Reply> {
  const all = from.products();
  const items = from.cart();
  const shippingCost = items.then((cart) =>
    cart === undefined || cart.length === 0 ? undefined : from.shippingCost(cart),
  );
  const [frame, inCart, products, shipping, recommended] = await Promise.all([
    from.frame('/cart', items),
    items,
    all,
    shippingCost,
    items.then((cart) => from.recommended(cart?.map(({ productId }) => productId) ?? [], all)),
  ]);
  if (inCart === undefined) {
    return unavailable(frame, {
      title: 'Your cart cannot be reached',
      paragraphs: ['It does not answer right now. What you put into it is still there.'],
      tryAgain: '/cart',
    });
  }
  if (inCart.length === 0) return page(refused === undefined ? 200 : 409, emptyCartPage(frame, recommended));
  if (products === undefined) {
    const things = frame.cartSize === 1 ? 'one thing' : `${frame.cartSize ?? 0} things`;
    return unavailable(frame, {
      title: 'Our catalog is away',
      paragraphs: [
        `Your cart is safe, with ${things} in it, but the product catalog does not answer right now, so names and prices cannot be shown.`,
      ],
      tryAgain: '/cart',
    });
  }
  const priced = new Map((await from.priced(products)).map((product) => [product.id, product]));
  const lines = inCart.flatMap(({ productId, quantity }) => {
    const product = priced.get(productId);
    return product === undefined ? [] : { product, quantity, cost: times(product.price, quantity) };
  });
  const costs = [...lines.map(({ cost }) => cost), ...(shipping === undefined ? [] : [shipping])];
  const currency = costs[0]?.currency ?? from.visit.currency;
  if (costs.some((cost) => cost.currency !== currency)) {
    // Conversion went away between two prices: there is no honest total of dollars and euros.
    return unavailable(frame, {
      title: 'Prices are being worked out',
      paragraphs: [
        'Currency conversion is away right now. Your cart is safe; switching to US dollars shows it.',
      ],
      tryAgain: '/cart',
    });
  }
  const view: CartView = { lines, shipping, total: sum(currency, costs), recommended };
  return refused === undefined
    ? page(200, cartPage(frame, view))
    : page(422, cartPage(frame, { ...view, refused }));
}

export async function addToCart(from: Ingredients, form: URLSearchParams): Promise<Reply> {
  const productId = form.get('product_id') ?? '';
  const quantity = Number(form.get('quantity') ?? '1');
  if (productId === '' || !Number.isInteger(quantity) || quantity < 1 || quantity > 99) {
    throw new BadRequest('Choose a product and a quantity from 1 to 99.');
  }
  const back = `/product/${encodeURIComponent(productId)}`;
  const title = 'That could not be added';
  // The catalog is asked first, so that nothing gets into a cart that isn't sold.
  const product = await from.product(productId);
  if (product === 'no such product') throw new BadRequest('We don’t have that product.');
  if (product === undefined) {
    const paragraphs = ['The product catalog does not answer right now. Nothing was put into your cart.'];
    return notDone(await from.frame(back), { title, paragraphs, tryAgain: back });
  }
  const { backends, visit } = from;
  const adding = backends.cart.addItem(
    { userId: visit.sessionId, item: { productId, quantity } },
    visit.context,
  );
  if ((await orMissing(visit, 'cart', adding)) !== undefined) return seeOther('/cart');
  const paragraphs = ['The cart does not answer right now.'];
  return notDone(await from.frame(back), { title, paragraphs, tryAgain: back });
}

export async function emptyCart(from: Ingredients): Promise<Reply> {
  const { backends, visit } = from;
  const emptying = backends.cart.emptyCart({ userId: visit.sessionId }, visit.context);
  if ((await orMissing(visit, 'cart', emptying)) !== undefined) return seeOther('/');
  return notDone(await from.frame('/cart'), {
    title: 'The cart could not be emptied',
    paragraphs: ['It does not answer right now.'],
    tryAgain: '/cart',
  });
}
