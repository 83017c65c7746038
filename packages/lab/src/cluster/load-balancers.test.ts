import { expect, test, vi } from 'vitest';
import type { ApiClient, WatchEvent } from '../kube/api-client.ts';
import { AddressBook, type LoadBalancerService, serveLoadBalancers } from './load-balancers.ts';

const POOL = ['10.10.1.100', '10.10.1.101', '10.10.1.102'];

test('a Service gets the address that it asks for, reserved or not', () => {
  const book = new AddressBook(POOL, ['10.10.1.100']);
  expect(book.assign('istio-system/gateway', '10.10.1.100')).toBe('10.10.1.100');
});

test('a Service that asks for nothing never gets a reserved address', () => {
  const book = new AddressBook(POOL, ['10.10.1.100', '10.10.1.101']);
  expect(book.assign('default/a')).toBe('10.10.1.102');
  expect(book.assign('default/b')).toBeNull();
});

test('the same Service keeps its address, and another cannot have it', () => {
  const book = new AddressBook(POOL, []);
  expect(book.assign('default/a', '10.10.1.101')).toBe('10.10.1.101');
  expect(book.assign('default/a')).toBe('10.10.1.101');
  expect(book.assign('default/b', '10.10.1.101')).toBe('10.10.1.100');
});

test('an address outside the pool is not given, and a released one is free again', () => {
  const book = new AddressBook(POOL, []);
  expect(book.assign('default/a', '192.0.2.1')).toBe('10.10.1.100');
  expect(book.release('default/a')).toBe('10.10.1.100');
  expect(book.release('default/a')).toBeNull();
  expect(book.assign('default/b')).toBe('10.10.1.100');
});

function service(name: string, type = 'LoadBalancer'): LoadBalancerService {
  return { apiVersion: 'v1', kind: 'Service', metadata: { namespace: 'default', name }, spec: { type } };
}

test('a Service that was deleted while nobody watched loses its address, and the others keep theirs', async () => {
  const watches: WatchEvent<LoadBalancerService>[][] = [
    [{ type: 'LISTED', objects: [service('a'), service('b'), service('plain', 'ClusterIP')] }],
    [{ type: 'LISTED', objects: [service('b')] }],
  ];
  const log: string[] = [];
  const stop = new AbortController();
  const api = {
    async *watch() {
      yield* watches.shift() ?? [];
      if (watches.length === 0) stop.abort();
    },
    merge: async (path: string) => void log.push(`status ${path}`),
  } as unknown as ApiClient;
  const holder = {
    hold: async (address: string) => void log.push(`hold ${address}`),
    release: async (address: string) => void log.push(`release ${address}`),
  };
  const problem = vi.fn();
  await serveLoadBalancers(api, new AddressBook(POOL, []), holder, stop.signal, problem);
  expect(log).toEqual([
    'hold 10.10.1.100',
    'status /api/v1/namespaces/default/services/a/status',
    'hold 10.10.1.101',
    'status /api/v1/namespaces/default/services/b/status',
    'release 10.10.1.100',
    // Its status was not written back into the list, so it is written again: with the same address.
    'hold 10.10.1.101',
    'status /api/v1/namespaces/default/services/b/status',
  ]);
  expect(problem).not.toHaveBeenCalled();
});
