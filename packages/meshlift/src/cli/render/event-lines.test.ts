import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import type { MeshliftEvent } from '../../events/event.ts';
import type { Terminal } from '../terminal.ts';
import { eventLines } from './event-lines.ts';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

/** Only what events are shown with. */
function terminalOf(lines: string[]): Terminal {
  return { err: (text: string) => void lines.push(text) } as unknown as Terminal;
}

function event(
  level: MeshliftEvent['level'],
  message: string,
  code: MeshliftEvent['code'] = 'phase',
): MeshliftEvent {
  return { time: new Date().toISOString(), code, level, message, data: {} };
}

test('what was begun last is named again when nothing was said for a while, with how long it takes', () => {
  const lines: string[] = [];
  const host = eventLines(terminalOf(lines), { json: false });
  host.notify(event('step', 'retiring the VM'));
  vi.advanceTimersByTime(10_000);
  expect(lines.slice(1).map((it) => it.trim())).toEqual([
    '… still: retiring the VM (5s)',
    '… still: retiring the VM (9s)',
  ]);
});

test('a wait that changes all the time is told every few seconds, and never twice for the same silence', () => {
  const lines: string[] = [];
  const host = eventLines(terminalOf(lines), { json: false });
  for (let i = 0; i < 20; i += 1) {
    host.notify(event('progress', `${i} of 20 requests`, 'wait'));
    vi.advanceTimersByTime(1_000);
  }
  expect(lines.map((it) => it.slice(11).trim())).toEqual([
    '0 of 20 requests',
    '4 of 20 requests',
    '8 of 20 requests',
    '12 of 20 requests',
    '16 of 20 requests',
  ]);
});

test('JSON lines are events alone', () => {
  const lines: string[] = [];
  const host = eventLines(terminalOf(lines), { json: true });
  host.notify(event('step', 'retiring the VM'));
  vi.advanceTimersByTime(30_000);
  expect(lines).toHaveLength(1);
});
