/** How serious a line is. Lines below the level asked for are not written. */
export type Severity = 'debug' | 'info' | 'warning' | 'error';

const ORDER: readonly Severity[] = ['debug', 'info', 'warning', 'error'];

type Fields = Readonly<Record<string, unknown>>;

/** Structured lines: one JSON object each. A message says what happened; figures and names go into fields. */
export interface Log {
  debug(message: string, fields?: Fields): void;
  info(message: string, fields?: Fields): void;
  warning(message: string, fields?: Fields): void;
  error(message: string, fields?: Fields): void;
}

export interface LogOptions {
  readonly service: string;
  readonly level: Severity;
  /** Takes one finished line, without its line end. */
  readonly write: (line: string) => void;
  readonly now?: () => Date;
}

export function createLog({ service, level, write, now = () => new Date() }: LogOptions): Log {
  const from = ORDER.indexOf(level);
  const at =
    (severity: Severity) =>
    (message: string, fields: Fields = {}): void => {
      if (ORDER.indexOf(severity) < from) return;
      write(JSON.stringify({ time: now().toISOString(), severity, service, message, ...fields }));
    };
  return { debug: at('debug'), info: at('info'), warning: at('warning'), error: at('error') };
}

export function isSeverity(value: string): value is Severity {
  return (ORDER as readonly string[]).includes(value);
}
