import { create } from '@bufbuild/protobuf';
import { describe, expect, it } from 'vitest';
import { OrderResultSchema } from '../wire/generated/hipstershop/shop_pb.js';
import { confirmation } from './confirmation.ts';

const order = create(OrderResultSchema, {
  orderId: 'o-1',
  shippingTrackingId: 'OB-1',
  shippingCost: { currencyCode: 'EUR', units: 4n, nanos: 410_000_000 },
  shippingAddress: {
    streetAddress: '12 Harbour Lane',
    city: 'Portland',
    state: '',
    country: 'United States',
  },
  items: [
    { item: { productId: 'MUG', quantity: 3 }, cost: { currencyCode: 'EUR', units: 7n, nanos: 950_000_000 } },
  ],
});

describe('the confirmation mail', () => {
  it('says what was bought, what it cost, where it goes and how to follow it', () => {
    const { to, subject, text } = confirmation('someone@example.com', order);
    expect(to).toBe('someone@example.com');
    expect(subject).toBe('Your order o-1');
    expect(text).toContain('3 × MUG at €7.95');
    expect(text).toContain('Shipping €4.41');
    expect(text).toContain('Total €28.26');
    expect(text).toContain('12 Harbour Lane, Portland, United States');
    expect(text).toContain('OB-1');
  });

  it('is refused for an order without a shipping cost', () => {
    expect(() => confirmation('a@b', create(OrderResultSchema, {}))).toThrow('the shipping cost is missing');
  });
});
