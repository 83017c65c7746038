import { expect, it } from 'vitest';
import { hardwareAddress } from './machine-bridge.ts';

it('a hardware address is made of an IPv4 address', () => {
  expect(hardwareAddress('10.21.0.1')).toBe('0a:58:0a:15:00:01');
});
