/** One request of a journey. */
export interface Step {
  /** The name under which it is counted. */
  readonly route: string;
  readonly method: 'GET' | 'POST';
  readonly path: string;
  readonly form?: Readonly<Record<string, string>>;
}

export type Journey = 'browse' | 'product' | 'search' | 'currency' | 'cart' | 'checkout';

export type Weights = Readonly<Record<Journey, number>>;

/** Most people look around, some fill a cart, a few buy. */
export const DEFAULT_WEIGHTS: Weights = {
  browse: 3,
  product: 10,
  search: 1,
  currency: 1,
  cart: 2,
  checkout: 1,
};

const PRODUCTS = [
  'OLJCESPC7Z',
  '66VCHSJNUP',
  '1YMWWN1N4O',
  'L9ECAV7KIM',
  '2ZYFJ3GM2N',
  '0PUK6V6EV0',
  'LS4PSXUNUM',
  '9SIQT8TOJO',
  '6E92ZMYYFZ',
];
const CURRENCIES = ['EUR', 'JPY', 'CAD', 'GBP', 'TRY'];
const WORDS = ['kitchen', 'accessories', 'clothing', 'home'];

/** Picks a journey by its weight. `random` gives numbers from 0 up to, not including, 1. */
export function pickJourney(weights: Weights, random: () => number): Journey {
  const entries = Object.entries(weights) as [Journey, number][];
  let left = random() * entries.reduce((total, [, weight]) => total + weight, 0);
  for (const [journey, weight] of entries) {
    left -= weight;
    if (left < 0) return journey;
  }
  return 'browse';
}

/** The requests of one customer from coming in to leaving. */
export function steps(journey: Journey, random: () => number, nextYear: number): Step[] {
  const one = <T>(choices: readonly T[]): T => choices[Math.floor(random() * choices.length)] as T;
  const home: Step = { route: 'home', method: 'GET', path: '/' };
  const product = (id: string): Step => ({ route: 'product', method: 'GET', path: `/product/${id}` });
  const add = (id: string): Step => ({
    route: 'add-to-cart',
    method: 'POST',
    path: '/cart',
    form: { product_id: id, quantity: String(1 + Math.floor(random() * 5)) },
  });
  const cart: Step = { route: 'cart', method: 'GET', path: '/cart' };
  const id = one(PRODUCTS);
  switch (journey) {
    case 'browse':
      return [home];
    case 'product':
      return [home, product(id), product(one(PRODUCTS))];
    case 'search':
      return [{ route: 'search', method: 'GET', path: `/search?q=${one(WORDS)}` }, product(id)];
    case 'currency':
      return [
        {
          route: 'currency',
          method: 'POST',
          path: '/setCurrency',
          form: { currency_code: one(CURRENCIES), return_to: '/' },
        },
        home,
      ];
    case 'cart':
      return [
        product(id),
        add(id),
        cart,
        { route: 'empty-cart', method: 'POST', path: '/cart/empty', form: {} },
      ];
    case 'checkout':
      return [
        home,
        product(id),
        add(id),
        cart,
        {
          route: 'checkout',
          method: 'POST',
          path: '/cart/checkout',
          form: {
            email: 'customer@example.com',
            street_address: '12 Harbour Lane',
            zip_code: '97201',
            city: 'Portland',
            state: 'OR',
            country: 'United States',
            credit_card_number: '4111 1111 1111 1111',
            credit_card_expiration_month: '1',
            credit_card_expiration_year: String(nextYear),
            credit_card_cvv: '123',
          },
        },
      ];
  }
}

/** One page of every kind that customers with these weights ask for. */
export function pagesOf(weights: Weights): Step[] {
  const journeys = (Object.keys(weights) as Journey[]).filter((journey) => weights[journey] > 0);
  const pages = journeys
    .flatMap((journey) => steps(journey, () => 0, new Date().getUTCFullYear() + 1))
    .filter(({ method }) => method === 'GET');
  return [...new Map(pages.map((page) => [page.route, page])).values()];
}

/** The journeys' weights from text such as `browse=5,checkout=1`; journeys not named get none. Throws with what is wrong. */
export function readWeights(text: string): Weights {
  const weights = { browse: 0, product: 0, search: 0, currency: 0, cart: 0, checkout: 0 };
  for (const part of text.split(',')) {
    const [name = '', value = ''] = part.split('=').map((piece) => piece.trim());
    const weight = Number(value);
    if (!Object.hasOwn(weights, name) || value === '' || !(weight >= 0)) {
      throw new Error(
        `"${part}" is not a journey's weight: expected e.g. browse=5, of ${Object.keys(weights).join(', ')}`,
      );
    }
    weights[name as Journey] = weight;
  }
  if (Object.values(weights).every((weight) => weight === 0)) throw new Error('no journey has any weight');
  return weights;
}
