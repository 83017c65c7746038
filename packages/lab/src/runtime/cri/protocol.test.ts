import { status } from '@grpc/grpc-js';
import { expect, it } from 'vitest';
import { CallError, implementation, type ReportFailure } from './protocol.ts';

/** Makes the call as the gRPC library would, and gives what it would send back. */
function call(handler: (request: { id: string }) => unknown, report: ReportFailure = () => undefined) {
  const served = implementation({ Call: handler }, report);
  const unary = served.Call as unknown as (
    call: object,
    answer: (error: object | null, value?: unknown) => void,
  ) => void;
  return new Promise<{ error: object | null; value: unknown }>((resolve) => {
    unary({ request: { id: 'c1' } }, (error, value) => resolve({ error, value }));
  });
}

it('a call answers what its handler gives, now or later', async () => {
  expect(await call(({ id }) => ({ found: id }))).toEqual({ error: null, value: { found: 'c1' } });
  expect(await call(async ({ id }) => ({ found: id }))).toMatchObject({ value: { found: 'c1' } });
});

it('a refusal is answered with its code, and is nothing to report', async () => {
  const reported: string[] = [];
  const { error } = await call(
    ({ id }) => {
      throw CallError.notFound('container', id);
    },
    (name) => reported.push(name),
  );
  expect(error).toMatchObject({ code: status.NOT_FOUND, details: 'container "c1" does not exist' });
  expect(reported).toEqual([]);
});

it('a failure is answered as an internal error, and reported', async () => {
  const reported: unknown[] = [];
  const failure = new Error('disk full');
  const { error } = await call(
    () => Promise.reject(failure),
    (name, cause) => reported.push([name, cause]),
  );
  expect(error).toMatchObject({ code: status.INTERNAL, details: 'disk full' });
  expect(reported).toEqual([['Call', failure]]);
});
