import { type Amount, display } from '../../money/money.ts';
import { type Html, html } from '../html.ts';
import { type Frame, layout } from './layout.ts';
import { type PricedProduct, productGrid } from './product-grid.ts';

export interface CartView {
  readonly lines: readonly {
    readonly product: PricedProduct;
    readonly quantity: number;
    readonly cost: Amount;
  }[];
  /** Undefined while shipping is away. */
  readonly shipping: Amount | undefined;
  readonly total: Amount;
  readonly recommended: readonly PricedProduct[];
  /** The form as it was sent and refused, and why. */
  readonly refused?: { readonly form: URLSearchParams; readonly because: string };
}

export function emptyCartPage(frame: Frame, recommended: readonly PricedProduct[]): Html {
  return layout(
    frame,
    'Cart',
    html`<section class="message"><h1>Your cart is empty</h1>
<p>It doesn&rsquo;t have to stay that way: <a href="/">see what we have</a>.</p></section>
${recommended.length > 0 && alsoLike(frame, recommended)}`,
  );
}

export function cartPage(frame: Frame, view: CartView): Html {
  const { lines, shipping, total, recommended, refused } = view;
  return layout(
    frame,
    'Cart',
    html`<h1 class="page-title">Your cart</h1>
${
  refused !== undefined &&
  html`<div class="refused" role="alert"><h2>That order was not placed</h2><p>${refused.because}</p></div>`
}
<div class="cart">
<section class="cart-lines" aria-label="What is in the cart">
<ul>${lines.map(
      ({ product, quantity, cost }) => html`
  <li class="line"><img class="line-picture" src="${frame.files.address(product.picture)}" alt="" width="88" height="88">
    <span class="line-name"><a href="/product/${encodeURIComponent(product.id)}">${product.name}</a>
    <span class="line-quantity">${quantity} &times; ${display(product.price)}</span></span>
    <span class="line-cost">${display(cost)}</span></li>`,
    )}
</ul>
<dl class="totals">
  <div><dt>Shipping</dt><dd>${shipping === undefined ? 'not known right now' : display(shipping)}</dd></div>
  <div class="total"><dt>Total</dt><dd>${display(total)}${shipping === undefined && ' + shipping'}</dd></div>
</dl>
<form method="post" action="/cart/empty"><button type="submit">Empty the cart</button></form>
</section>
${checkoutForm(refused?.form)}
</div>
${recommended.length > 0 && alsoLike(frame, recommended)}`,
  );
}

function alsoLike(frame: Frame, recommended: readonly PricedProduct[]): Html {
  return html`<section aria-labelledby="also"><h2 id="also">You may also like</h2>
${productGrid(recommended, frame.files, 'grid grid-small')}</section>`;
}

interface Field {
  readonly name: string;
  readonly label: string;
  readonly autocomplete: string;
  /** Filled in for a demonstration, where nobody wants to type. */
  readonly example: string;
  readonly type?: string;
  readonly numeric?: boolean;
  readonly className?: string;
  readonly secret?: boolean;
}

const ADDRESS_FIELDS: readonly Field[] = [
  { name: 'email', label: 'Email', autocomplete: 'email', type: 'email', example: 'someone@example.com' },
  { name: 'street_address', label: 'Street', autocomplete: 'street-address', example: '12 Harbour Lane' },
  { name: 'city', label: 'City', autocomplete: 'address-level2', example: 'Portland', className: 'half' },
  {
    name: 'zip_code',
    label: 'Zip code',
    autocomplete: 'postal-code',
    example: '97201',
    numeric: true,
    className: 'half',
  },
  { name: 'state', label: 'State', autocomplete: 'address-level1', example: 'OR', className: 'half' },
  {
    name: 'country',
    label: 'Country',
    autocomplete: 'country-name',
    example: 'United States',
    className: 'half',
  },
];

function cardFields(nextYear: number): readonly Field[] {
  return [
    {
      name: 'credit_card_number',
      label: 'Card number',
      autocomplete: 'off',
      numeric: true,
      secret: true,
      example: '4111 1111 1111 1111',
    },
    {
      name: 'credit_card_expiration_month',
      label: 'Month',
      autocomplete: 'off',
      numeric: true,
      example: '1',
      className: 'third',
    },
    {
      name: 'credit_card_expiration_year',
      label: 'Year',
      autocomplete: 'off',
      numeric: true,
      example: String(nextYear),
      className: 'third',
    },
    {
      name: 'credit_card_cvv',
      label: 'Code',
      autocomplete: 'off',
      numeric: true,
      secret: true,
      example: '123',
      className: 'third',
    },
  ];
}

function checkoutForm(sent: URLSearchParams | undefined): Html {
  const input = (field: Field): Html => {
    const value = field.secret === true && sent !== undefined ? '' : (sent?.get(field.name) ?? field.example);
    return html`<p class="field ${field.className ?? ''}"><label for="${field.name}">${field.label}</label>
<input id="${field.name}" name="${field.name}" type="${field.type ?? 'text'}" value="${value}" autocomplete="${field.autocomplete}"${field.numeric === true && html` inputmode="numeric"`} maxlength="120" required></p>`;
  };
  return html`<form class="checkout" method="post" action="/cart/checkout">
<fieldset><legend>Where it goes</legend>${ADDRESS_FIELDS.map(input)}</fieldset>
<fieldset><legend>How you pay</legend>${cardFields(new Date().getFullYear() + 1).map(input)}</fieldset>
<p class="fine">The form is filled in with a test card, because this is a demonstration. Please leave your real one in your pocket.</p>
<button class="primary" type="submit">Place the order</button>
</form>`;
}
