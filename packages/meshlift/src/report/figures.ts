/** Numbers and times as the report writes them, everywhere the same: English digits, UTC. */

const thousands = new Intl.NumberFormat('en-US');

/** `124,312` */
export function count(value: number): string {
  return thousands.format(value);
}

/** `1 request`, `2 requests` */
export function counted(value: number, singular: string, plural = `${singular}s`): string {
  return `${count(value)} ${value === 1 ? singular : plural}`;
}

/** `143 ms`, `2.4 ms`, `12.3 s`; a dash for what was not measured */
export function milliseconds(value: number | null): string {
  if (value === null) return '–';
  if (value >= 10_000) return `${oneDecimal(value / 1_000)} s`;
  return value < 10 ? `${oneDecimal(value)} ms` : `${count(Math.round(value))} ms`;
}

/** `20 %`, `20.4 %`; a dash for what was not measured */
export function percent(value: number | null): string {
  return value === null ? '–' : `${oneDecimal(value)} %`;
}

/** `16.7 – 25.5 %`, in percent; a dash for what was not measured */
export function interval(range: readonly [number, number] | null): string {
  return range === null ? '–' : `${range[0].toFixed(1)} – ${range[1].toFixed(1)} %`;
}

/**
 * The share that failed. Never rounded to `0 %` when something did fail, nor to `100 %` when something did not: the
 * few are what the reader is looking for.
 */
export function failureShare(failed: number, requests: number): string {
  if (requests === 0) return '–';
  if (failed === 0) return '0 %';
  const share = (100 * failed) / requests;
  if (share < 0.01) return '< 0.01 %';
  if (failed < requests && share > 99.9) return '> 99.9 %';
  return `${share < 1 ? String(Math.round(share * 100) / 100) : oneDecimal(share)} %`;
}

/** `2026-11-23 07:12:03` (UTC) from RFC 3339; a dash for what has not happened */
export function timestamp(at: string | null): string {
  return at === null ? '–' : `${at.slice(0, 10)} ${clockTime(at)}`;
}

/** `07:12:03` (UTC) from RFC 3339 */
export function clockTime(at: string): string {
  return at.slice(11, 19);
}

/** `48.2 s`, `3 min 12 s`, `2 h 5 min` */
export function duration(seconds: number): string {
  if (seconds < 59.95) return `${oneDecimal(seconds)} s`;
  const whole = Math.round(seconds);
  const [h, min, s] = [Math.floor(whole / 3_600), Math.floor((whole % 3_600) / 60), whole % 60];
  return h > 0 ? `${h} h ${min} min` : `${min} min ${s} s`;
}

function oneDecimal(value: number): string {
  return String(Math.round(value * 10) / 10);
}
