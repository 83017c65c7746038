/** A table of what was measured beside what was promised. */
export class Figures {
  readonly #rows: {
    readonly what: string;
    readonly value: string;
    readonly target: string;
    readonly met: boolean;
  }[] = [];

  /** One with a target: it is met when the value is not above it. */
  under(what: string, value: number, target: number, show: (value: number) => string): void {
    this.#rows.push({ what, value: show(value), target: `≤ ${show(target)}`, met: value <= target });
  }

  /** One that nothing was promised about. */
  told(what: string, value: string): void {
    this.#rows.push({ what, value, target: '', met: true });
  }

  get missed(): boolean {
    return this.#rows.some(({ met }) => !met);
  }

  table(): string {
    const what = Math.max(...this.#rows.map((row) => row.what.length));
    const value = Math.max(...this.#rows.map((row) => row.value.length));
    const target = Math.max(...this.#rows.map((row) => row.target.length));
    return this.#rows
      .map((row) =>
        `${row.what.padEnd(what)}  ${row.value.padStart(value)}  ${row.target.padEnd(target)}  ${row.met ? '' : 'MISSED'}`.trimEnd(),
      )
      .join('\n');
  }
}

/** The value below which a share `q` of all values lies; NaN of none. */
export function quantile(values: readonly number[], q: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(q * sorted.length))] ?? Number.NaN;
}

export function seconds(value: number): string {
  return `${value.toFixed(value < 1 ? 3 : 1)} s`;
}

export function gigabytes(bytes: number): string {
  return `${(bytes / 1e9).toFixed(2)} GB`;
}
