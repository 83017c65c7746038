import type { CustomerStats } from './shop-customers.ts';

/** What customers may miss while one program of the shop is dead. */
export interface Outage {
  readonly program: string;
  /** routes that cannot do what they are for */
  readonly breaks: readonly string[];
  /** routes whose page comes, with a note in place of a part */
  readonly lacks: readonly string[];
  /** whether it may well be that nobody notices */
  readonly unseen?: true;
}

const pages = ['home', 'product', 'search', 'cart', 'checkout'];
const carts: Omit<Outage, 'program'> = {
  breaks: ['cart', 'add-to-cart', 'empty-cart', 'checkout'],
  lacks: ['home', 'product', 'search'],
};

export const outages: readonly Outage[] = [
  { program: 'adservice', breaks: [], lacks: ['home', 'product'] },
  // An order goes through without its mail.
  { program: 'emailservice', breaks: [], lacks: [], unseen: true },
  // Prices and the list of currencies are known for a minute.
  { program: 'currencyservice', breaks: [], lacks: [...pages, 'currency'], unseen: true },
  {
    program: 'recommendationservice',
    breaks: ['recommendation-direct'],
    lacks: ['product', 'cart', 'checkout'],
  },
  { program: 'shippingservice', breaks: ['checkout'], lacks: ['cart'] },
  { program: 'paymentservice', breaks: ['checkout'], lacks: [] },
  { program: 'checkoutservice', breaks: ['checkout'], lacks: [] },
  { program: 'cartservice', ...carts },
  { program: 'redis-cart', ...carts },
  {
    program: 'productcatalogservice',
    breaks: [...pages, 'add-to-cart', 'catalog-direct', 'recommendation-direct'],
    lacks: [],
  },
  { program: 'frontend', breaks: [...pages, 'add-to-cart', 'empty-cart', 'currency'], lacks: [] },
];

/** Failures that the outage does not excuse, as `route kind count`. */
export function unexcused({ breaks, lacks }: Outage, { byRoute }: CustomerStats): string[] {
  return Object.entries(byRoute).flatMap(([route, { failuresByKind }]) =>
    Object.entries(failuresByKind)
      .filter(([kind]) => !breaks.includes(route) && !(lacks.includes(route) && kind === 'degraded'))
      .map(([kind, count]) => `${route} ${kind} ${count}`),
  );
}
