import { expect, test } from 'vitest';
import { failureMeaning } from './failure-meaning.ts';

test('a gRPC failure is named by its status, and by what the proxy saw', () => {
  expect(failureMeaning({ responseCode: 200, grpcStatus: 14, flags: 'UF,URX' })).toBe(
    'UNAVAILABLE: no connection could be made, all retries were used up',
  );
});

test('an HTTP failure is named by its code', () => {
  expect(failureMeaning({ responseCode: 503, grpcStatus: null, flags: 'UH' })).toBe(
    'HTTP 503: no healthy endpoint was there',
  );
});

test('a call without an answer says so', () => {
  expect(failureMeaning({ responseCode: 0, grpcStatus: null, flags: 'DC' })).toBe(
    'no answer: the caller went away',
  );
});

test('a flag and a status that are not known are shown as they are', () => {
  expect(failureMeaning({ responseCode: null, grpcStatus: 99, flags: 'XYZ' })).toBe(
    'gRPC status 99: Envoy’s flag XYZ',
  );
});

test('without flags only the status is said', () => {
  expect(failureMeaning({ responseCode: 200, grpcStatus: 13, flags: '' })).toBe('INTERNAL');
});
