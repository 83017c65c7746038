import { expect, test } from 'vitest';
import { AddressBook } from './load-balancers.ts';

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
