import { setImmediate as turn } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { Turnstile } from './turnstile.ts';

/** Work that begins, and ends when it is told to. */
function someWork(begun: string[], name: string) {
  let end: (failure?: Error) => void = () => {};
  const ended = new Promise<void>((resolve, reject) => {
    end = (failure) => (failure === undefined ? resolve() : reject(failure));
  });
  const work = async () => {
    begun.push(name);
    await ended;
    return name;
  };
  return { work, end };
}

describe('a turnstile', () => {
  it('lets so much go on at a time, and the rest in the order in which it came', async () => {
    const turnstile = new Turnstile({ atOnce: 2, waiting: 10 });
    const begun: string[] = [];
    const works = ['a', 'b', 'c', 'd'].map((name) => someWork(begun, name));
    const done = works.map(({ work }) => turnstile.pass(work));
    await turn();
    expect(begun).toEqual(['a', 'b']);
    works[1]?.end();
    await turn();
    expect(begun).toEqual(['a', 'b', 'c']);
    for (const { end } of works) end();
    expect(await Promise.all(done)).toEqual(['a', 'b', 'c', 'd']);
  });

  it('turns away what comes when too much waits, and only then', async () => {
    const turnstile = new Turnstile({ atOnce: 1, waiting: 1 });
    const begun: string[] = [];
    const [first, second, third] = ['a', 'b', 'c'].map((name) => someWork(begun, name));
    const done = [first, second, third].map((it) => turnstile.pass(it?.work ?? (async () => '')));
    first?.end();
    second?.end();
    expect(await Promise.all(done)).toEqual(['a', 'b', undefined]);
    expect(await turnstile.pass(async () => 'later')).toBe('later');
  });

  it('goes on after work that failed, and tells of the failure', async () => {
    const turnstile = new Turnstile({ atOnce: 1, waiting: 1 });
    const failing = turnstile.pass(() => Promise.reject(new Error('broken')));
    const next = turnstile.pass(async () => 'fine');
    await expect(failing).rejects.toThrow('broken');
    expect(await next).toBe('fine');
  });
});
