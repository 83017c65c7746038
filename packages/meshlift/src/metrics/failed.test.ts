import { expect, it } from 'vitest';
import { failed } from './failed.ts';

const call = { responseCode: 200, grpcStatus: null, flags: '' };

it.each([0, 500, 502, 503, 599])('an HTTP call that ended with %i failed', (responseCode) => {
  expect(failed({ ...call, responseCode })).toBe(true);
});

it.each([200, 204, 302, 404, 429, 499])('an HTTP call that ended with %i did not fail', (responseCode) => {
  expect(failed({ ...call, responseCode })).toBe(false);
});

it.each([2, 4, 12, 13, 14, 15])(
  'a gRPC call with status %i failed, though its HTTP status is 200',
  (grpcStatus) => {
    expect(failed({ ...call, grpcStatus })).toBe(true);
  },
);

it.each([0, 1, 3, 5, 6, 7, 8, 9, 10, 11, 16])('a gRPC call with status %i did not fail', (grpcStatus) => {
  expect(failed({ ...call, grpcStatus })).toBe(false);
});

it('a call that no upstream answered failed, whatever its code says', () => {
  expect(failed({ ...call, flags: 'UC' })).toBe(true);
  expect(failed({ ...call, flags: 'RL,URX' })).toBe(true);
});

it('a flag that blames nobody does not make a call fail', () => {
  expect(failed({ ...call, responseCode: 429, flags: 'RL' })).toBe(false);
});

it('a TCP connection failed when its upstream could not be reached', () => {
  expect(failed({ responseCode: null, grpcStatus: null, flags: 'UF' })).toBe(true);
  expect(failed({ responseCode: null, grpcStatus: null, flags: '' })).toBe(false);
});
