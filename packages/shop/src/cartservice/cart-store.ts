export interface CartLine {
  readonly productId: string;
  readonly quantity: number;
}

/** Where carts are kept. Every function rejects with RpcError UNAVAILABLE when the store cannot be reached. */
export interface CartStore {
  /** Adds to what is there already of the same product. */
  add(userId: string, line: CartLine): Promise<void>;
  /** The lines of the cart; none for a cart that was never used. */
  read(userId: string): Promise<readonly CartLine[]>;
  empty(userId: string): Promise<void>;
  close(): Promise<void>;
}

/** The most pieces of one product that a cart holds: what an int32 on the wire can say. */
export const MAX_QUANTITY = 2_147_483_647;
