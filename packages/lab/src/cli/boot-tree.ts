import type { Writable } from 'node:stream';
import type { LabEvent } from '../supervisor/events.ts';
import { seconds } from './boot-lines.ts';
import type { BootView } from './boot-view.ts';

const REDRAW_MS = 100;
const UP_AND_CLEAR = (lines: number) => `\u001b[${lines}A\u001b[J`;

export interface TerminalSize {
  readonly columns: number;
  readonly rows: number;
}

interface Line {
  state: 'starting' | 'ready' | 'failed';
  /** Milliseconds since the boot began; of its start while it starts. */
  startedAt: number;
  tookMs: number;
  waitingFor: string;
}

/** Draws the boot on a terminal as it stands: a block per cluster, each part with what it waits for and its time. */
export class BootTree implements BootView {
  readonly #out: Writable;
  readonly #size: () => TerminalSize;
  readonly #lines = new Map<string, Line>();
  readonly #started = performance.now();
  #drawn = 0;
  #timer: NodeJS.Timeout | null = null;

  constructor(out: Writable, size: () => TerminalSize) {
    this.#out = out;
    this.#size = size;
  }

  start(): void {
    this.#timer = setInterval(() => this.#draw(), REDRAW_MS);
  }

  tell(event: LabEvent): void {
    const now = performance.now() - this.#started;
    const line = this.#lines.get(event.name) ?? {
      state: 'starting',
      startedAt: now,
      tookMs: 0,
      waitingFor: '',
    };
    this.#lines.set(event.name, line);
    if (event.type === 'starting') Object.assign(line, { state: 'starting', startedAt: now, waitingFor: '' });
    else if (event.type === 'waiting') line.waitingFor = event.for;
    else if (event.type === 'exited') line.waitingFor = `it ended with ${event.how}; starting it again`;
    else if (event.type === 'ready') Object.assign(line, { state: 'ready', tookMs: event.tookMs });
    else line.state = 'failed';
  }

  end(): void {
    if (this.#timer) clearInterval(this.#timer);
    this.#timer = null;
    this.#draw();
  }

  #draw(): void {
    const now = performance.now() - this.#started;
    const { columns, rows } = this.#size();
    // What has left the screen at its top can't be drawn over; the cursor needs the last row.
    const text = renderTree(this.#lines, now, rows - 1).map((line) => line.slice(0, columns));
    this.#out.write(`${this.#drawn > 0 ? UP_AND_CLEAR(this.#drawn) : ''}${text.join('\n')}\n`);
    this.#drawn = text.length;
  }
}

/** The tree at one moment: how much of each block is ready, and what isn't, with its reason, as far as there are rows. */
export function renderTree(lines: ReadonlyMap<string, Readonly<Line>>, now: number, rows: number): string[] {
  const blocks = new Map<string, [string, Readonly<Line>][]>();
  for (const [name, line] of lines) {
    const [block = '', part = ''] = name.includes('/') ? name.split('/') : [name, ''];
    blocks.set(block, [...(blocks.get(block) ?? []), [part || name, line]]);
  }
  const room = Math.floor((rows - blocks.size) / blocks.size);
  return [...blocks].flatMap(([block, parts]) => {
    const ready = parts.filter(([, { state }]) => state === 'ready');
    const open = parts.filter(([, { state }]) => state !== 'ready');
    const slowest = Math.max(0, ...ready.map(([, { tookMs }]) => tookMs));
    const count = `${ready.length} ready${ready.length > 0 ? `, the slowest in ${seconds(slowest)}` : ''}`;
    const told = open.map(([part, { state, startedAt, waitingFor }]) => {
      const mark = state === 'failed' ? '✗' : '·';
      return `  ${mark} ${part} ${seconds(now - startedAt)}${waitingFor ? `  waits for ${waitingFor}` : ''}`;
    });
    return [`${open.length === 0 ? '●' : '○'} ${block}  ${count}`, ...shortened(told, room)];
  });
}

function shortened(lines: readonly string[], room: number): readonly string[] {
  if (lines.length <= room) return lines;
  const shown = Math.max(0, room - 1);
  return [...lines.slice(0, shown), `  … ${lines.length - shown} more`].slice(0, Math.max(0, room));
}
