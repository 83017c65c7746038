import { readFileSync } from 'node:fs';
import {
  type DescMessage,
  equals,
  fromBinary,
  fromJson,
  isFieldSet,
  type JsonValue,
  toBinary,
  toJson,
} from '@bufbuild/protobuf';
import { describe, expect, it } from 'vitest';
import { file_hipstershop_shop as shop } from './generated/hipstershop/shop_pb.js';

interface Golden {
  readonly message: string;
  readonly case?: string;
  readonly json: JsonValue;
  /** Written out from the public contract's field numbers and types, not by the code under test. */
  readonly bytes: string;
}

const goldens = JSON.parse(
  readFileSync(new URL('./messages.golden.json', import.meta.url), 'utf8'),
) as readonly Golden[];

function schemaOf(name: string): DescMessage {
  const schema = shop.messages.find((message) => message.name === name);
  if (schema === undefined) throw new Error(`the contract has no message ${name}`);
  return schema;
}

/** Field 15 as a number, field 200 as text: nobody has them yet. */
const FROM_THE_FUTURE = '782ac20c0568656c6c6f';

describe('messages on the wire', () => {
  it('has a golden for every message of the contract', () => {
    const covered = new Set(goldens.map(({ message }) => message));
    expect(shop.messages.map(({ name }) => name).filter((name) => !covered.has(name))).toEqual([]);
  });

  it('has a golden in which each field of the contract says something', () => {
    const silent = shop.messages.flatMap((schema) => {
      const said = goldens
        .filter(({ message }) => message === schema.name)
        .map(({ bytes }) => fromBinary(schema, Buffer.from(bytes, 'hex')));
      return schema.fields
        .filter((field) => !said.some((message) => isFieldSet(message, field)))
        .map((field) => `${schema.name}.${field.name}`);
    });
    expect(silent).toEqual([]);
  });

  for (const golden of goldens) {
    const title = golden.case === undefined ? golden.message : `${golden.message}, ${golden.case}`;
    it(`writes and reads ${title}, byte for byte`, () => {
      const schema = schemaOf(golden.message);
      const message = fromJson(schema, golden.json);
      expect(Buffer.from(toBinary(schema, message)).toString('hex')).toBe(golden.bytes);
      const read = fromBinary(schema, Buffer.from(golden.bytes, 'hex'));
      expect(toJson(schema, read)).toEqual(golden.json);
    });

    it(`reads ${title} with fields from a later version, and passes them on`, () => {
      const schema = schemaOf(golden.message);
      const read = fromBinary(schema, Buffer.from(golden.bytes + FROM_THE_FUTURE, 'hex'));
      expect(equals(schema, read, fromJson(schema, golden.json))).toBe(true);
      expect(Buffer.from(toBinary(schema, read)).toString('hex')).toBe(golden.bytes + FROM_THE_FUTURE);
    });
  }

  it('refuses bytes that are cut off', () => {
    expect(() => fromBinary(schemaOf('Product'), Buffer.from('0a0a3645', 'hex'))).toThrow();
  });
});

describe('services on the wire', () => {
  it('answers under the public paths, with the public messages', () => {
    const methods = shop.services.flatMap((service) =>
      service.methods.map(
        (method) => `${service.typeName}/${method.name}: ${method.input.name} → ${method.output.name}`,
      ),
    );
    expect(methods.sort()).toEqual([
      'hipstershop.AdService/GetAds: AdRequest → AdResponse',
      'hipstershop.CartService/AddItem: AddItemRequest → Empty',
      'hipstershop.CartService/EmptyCart: EmptyCartRequest → Empty',
      'hipstershop.CartService/GetCart: GetCartRequest → Cart',
      'hipstershop.CheckoutService/PlaceOrder: PlaceOrderRequest → PlaceOrderResponse',
      'hipstershop.CurrencyService/Convert: CurrencyConversionRequest → Money',
      'hipstershop.CurrencyService/GetSupportedCurrencies: Empty → GetSupportedCurrenciesResponse',
      'hipstershop.EmailService/SendOrderConfirmation: SendOrderConfirmationRequest → Empty',
      'hipstershop.PaymentService/Charge: ChargeRequest → ChargeResponse',
      'hipstershop.ProductCatalogService/GetProduct: GetProductRequest → Product',
      'hipstershop.ProductCatalogService/ListProducts: Empty → ListProductsResponse',
      'hipstershop.ProductCatalogService/SearchProducts: SearchProductsRequest → SearchProductsResponse',
      'hipstershop.RecommendationService/ListRecommendations: ListRecommendationsRequest → ListRecommendationsResponse',
      'hipstershop.ShippingService/GetQuote: GetQuoteRequest → GetQuoteResponse',
      'hipstershop.ShippingService/ShipOrder: ShipOrderRequest → ShipOrderResponse',
    ]);
  });
});
