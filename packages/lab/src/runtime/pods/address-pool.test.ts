import { describe, expect, it } from 'vitest';
import { AddressPool, formatAddress, parseAddress, parseRange } from './address-pool.ts';

describe('the pool of pod addresses', () => {
  it('starts after the gateway', () => {
    const pool = new AddressPool('10.21.0.0/16');
    expect(pool.gateway).toBe('10.21.0.1');
    expect([pool.take(), pool.take()]).toEqual(['10.21.0.2', '10.21.0.3']);
  });

  it('goes on after the highest address that was taken before a restart', () => {
    expect(new AddressPool('10.21.0.0/16', ['10.21.0.9', '10.21.0.4']).take()).toBe('10.21.0.10');
  });

  it('gives a released address again only when it has gone round', () => {
    const pool = new AddressPool('10.0.0.0/29');
    const first = [pool.take(), pool.take(), pool.take()];
    pool.release('10.0.0.2');
    expect(first).toEqual(['10.0.0.2', '10.0.0.3', '10.0.0.4']);
    expect([pool.take(), pool.take(), pool.take()]).toEqual(['10.0.0.5', '10.0.0.6', '10.0.0.2']);
  });

  it('never gives the network, the gateway or the broadcast address, and says when it is empty', () => {
    const pool = new AddressPool('10.0.0.0/29');
    const all = Array.from({ length: 5 }, () => pool.take());
    expect(all.sort()).toEqual(['10.0.0.2', '10.0.0.3', '10.0.0.4', '10.0.0.5', '10.0.0.6']);
    expect(() => pool.take()).toThrow(/all 5 pod addresses/);
  });
});

describe('an IPv4 range', () => {
  it('begins at its network address, whatever address it is written with', () => {
    expect(parseRange('10.21.3.7/16')).toEqual({ first: parseAddress('10.21.0.0'), size: 65_536 });
  });

  it.each(['10.21.0.0', '10.21.0.0/33', '10.21.0/16', '10.21.0.256/16', 'fd00::/64'])('is not %s', (text) => {
    expect(() => parseRange(text)).toThrow(RangeError);
  });

  it('survives writing and reading an address above 127', () => {
    expect(formatAddress(parseAddress('203.0.113.254'))).toBe('203.0.113.254');
  });
});
