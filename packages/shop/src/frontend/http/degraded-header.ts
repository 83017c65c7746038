/** Names the parts that a page is without, so that a client can count pages that were less than whole. */
export const DEGRADED_HEADER = 'x-shop-degraded';
