import { describe, expect, it } from 'vitest';
import { Environment, parseDurationMs } from './environment.ts';

describe('settings from the environment', () => {
  const env = new Environment({
    ADDR: 'cart:7070',
    BAD: 'cart',
    RATE: '12.5',
    WORD: 'fast',
    EMPTY: ' ',
    WAIT: '1.5s',
  });

  it('are read, with defaults for what is absent or empty', () => {
    expect(env.address('ADDR')).toBe('cart:7070');
    expect(env.number('RATE', 1)).toBe(12.5);
    expect(env.number('EMPTY', 3)).toBe(3);
    expect(env.durationMs('WAIT', 0)).toBe(1500);
    expect(env.optional('EMPTY')).toBeUndefined();
  });

  it('are refused with the variable, its value and what was expected', () => {
    expect(() => env.text('MISSING')).toThrow('MISSING is not set');
    expect(() => env.address('BAD')).toThrow('BAD is "cart": expected host:port');
    expect(() => env.number('WORD', 1)).toThrow('WORD is "fast": expected a number from 0');
    expect(() => env.number('RATE', 1, { max: 10 })).toThrow('expected a number from 0 to 10');
    expect(() => env.port('RATE', 1)).toThrow('RATE is "12.5": expected a port');
    expect(() => env.durationMs('WORD', 1)).toThrow('expected a duration such as 250ms');
  });

  it('understand durations in ms, s and m, and nothing else', () => {
    expect(['0', '250ms', '2s', '1.5m', '5', '5h', '-1s', ''].map(parseDurationMs)).toEqual([
      0,
      250,
      2000,
      90_000,
      undefined,
      undefined,
      undefined,
      undefined,
    ]);
  });
});
