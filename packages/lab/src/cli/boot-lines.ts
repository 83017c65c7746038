import type { LabEvent } from '../supervisor/events.ts';
import type { BootView } from './boot-view.ts';

/** Nothing new for this long, and the line is what is being waited for: a boot is never silent. */
const SILENCE_MS = 4_000;

/** Tells a boot in plain lines: what got ready and when, and what everything waits for in between. */
export class BootLines implements BootView {
  readonly #write: (line: string) => void;
  readonly #open = new Map<string, string>();
  #lastLine = 0;
  #timer: NodeJS.Timeout | null = null;
  #sinceStart: () => number = () => 0;

  constructor(write: (line: string) => void) {
    this.#write = write;
  }

  start(): void {
    const started = performance.now();
    this.#sinceStart = () => performance.now() - started;
    this.#timer = setInterval(() => this.#breakSilence(), SILENCE_MS / 4);
  }

  tell(event: LabEvent): void {
    if (event.type === 'starting') this.#open.set(event.name, '');
    else if (event.type === 'waiting') this.#open.set(event.name, event.for);
    else if (event.type === 'ready') {
      this.#open.delete(event.name);
      this.#line(`${event.name} ready (${seconds(event.tookMs)})`);
    } else if (event.type === 'exited') {
      this.#line(`${event.name} ended with ${event.how}; starting it again in ${seconds(event.restartInMs)}`);
    } else this.#line(`${event.name} failed`);
  }

  end(): void {
    if (this.#timer) clearInterval(this.#timer);
  }

  #breakSilence(): void {
    if (this.#sinceStart() - this.#lastLine < SILENCE_MS) return;
    const open = [...this.#open].map(([name, what]) => (what ? `${name} (${what})` : name));
    this.#line(`waiting for ${open.slice(0, 4).join(', ') || 'the sandbox'}${open.length > 4 ? ', …' : ''}`);
  }

  #line(text: string): void {
    this.#lastLine = this.#sinceStart();
    this.#write(`${seconds(this.#lastLine).padStart(7)}  ${text}`);
  }
}

export function seconds(milliseconds: number): string {
  return `${(milliseconds / 1000).toFixed(1)} s`;
}
