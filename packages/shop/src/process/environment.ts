/** A setting that is missing or wrong: names the variable, the value and what was expected. */
export class SettingError extends Error {
  override readonly name = 'SettingError';
}

/** Reads a program's settings from environment variables, each with a check and a clear error. */
export class Environment {
  readonly #variables: Readonly<Record<string, string | undefined>>;

  constructor(variables: Readonly<Record<string, string | undefined>>) {
    this.#variables = variables;
  }

  /** The value, or undefined when the variable is absent or empty. */
  optional(name: string): string | undefined {
    const value = this.#variables[name]?.trim();
    return value === '' ? undefined : value;
  }

  text(name: string, otherwise?: string): string {
    const value = this.optional(name) ?? otherwise;
    if (value === undefined) throw new SettingError(`${name} is not set: this program cannot run without it`);
    return value;
  }

  /** `host:port` of a service to call. */
  address(name: string, otherwise?: string): string {
    const value = this.text(name, otherwise);
    if (!/^.+:\d{1,5}$/.test(value)) {
      throw new SettingError(`${name} is "${value}": expected host:port, e.g. productcatalogservice:3550`);
    }
    return value;
  }

  number(name: string, otherwise: number, { min = 0, max = Number.MAX_SAFE_INTEGER } = {}): number {
    const text = this.optional(name);
    if (text === undefined) return otherwise;
    const value = Number(text);
    if (!Number.isFinite(value) || value < min || value > max) {
      throw new SettingError(`${name} is "${text}": expected a number from ${min} to ${max}`);
    }
    return value;
  }

  port(name: string, otherwise: number): number {
    const value = this.number(name, otherwise, { max: 65_535 });
    if (!Number.isInteger(value)) {
      throw new SettingError(`${name} is "${value}": expected a port, a whole number from 0 to 65535`);
    }
    return value;
  }

  /** A duration such as `250ms`, `1.5s` or `2m`, in milliseconds. */
  durationMs(name: string, otherwise: number): number {
    const text = this.optional(name);
    if (text === undefined) return otherwise;
    const value = parseDurationMs(text);
    if (value === undefined) {
      throw new SettingError(`${name} is "${text}": expected a duration such as 250ms, 1.5s or 2m`);
    }
    return value;
  }
}

const UNIT_MS = { ms: 1, s: 1000, m: 60_000 } as const;

/** Milliseconds in `250ms`, `1.5s`, `2m` or `0`; undefined for anything else. */
export function parseDurationMs(text: string): number | undefined {
  if (text === '0') return 0;
  const match = /^(\d+(?:\.\d+)?)(ms|s|m)$/.exec(text);
  if (match === null) return undefined;
  return Number(match[1]) * UNIT_MS[match[2] as keyof typeof UNIT_MS];
}
