import { Environment, SettingError } from './environment.ts';
import { createLog, isSeverity, type Log } from './log.ts';

/** What a program is given: its settings and its log. */
export interface Program {
  readonly env: Environment;
  readonly log: Log;
}

/** A started program. `stop` lets go of everything within `graceMs`. */
export interface Running {
  stop(graceMs: number): Promise<void>;
}

/**
 * Runs a program until SIGTERM or SIGINT, then stops it within its grace period (STOP_GRACE, default 8 s) and exits.
 * A program that cannot start says why in one log line and exits with 1.
 */
export function run(service: string, begin: (program: Program) => Promise<Running>): void {
  const env = new Environment(process.env);
  const level = env.text('LOG_LEVEL', 'info');
  const log = createLog({
    service,
    level: isSeverity(level) ? level : 'info',
    write: (line) => process.stdout.write(`${line}\n`),
  });
  if (!isSeverity(level))
    log.warning('LOG_LEVEL is none of debug, info, warning, error: taking info', { level });
  const stopping = new Promise<NodeJS.Signals>((resolve) => {
    process.once('SIGTERM', resolve);
    process.once('SIGINT', resolve);
  });
  const fail = (error: unknown): void => {
    const message = error instanceof Error ? error.message : String(error);
    log.error(
      message,
      error instanceof SettingError ? {} : { stack: error instanceof Error ? error.stack : undefined },
    );
    process.exit(1);
  };
  // A setting that is refused before anything is awaited is refused like all others.
  const start = async (): Promise<Running> => begin({ env, log });
  start()
    .then(async (running) => {
      log.info('ready', { startedInMs: Math.round(performance.now()) });
      const signal = await stopping;
      const graceMs = env.durationMs('STOP_GRACE', 8000);
      log.info('stopping', { signal, graceMs });
      await running.stop(graceMs);
      log.info('stopped');
      process.exit(0);
    }, fail)
    .catch(fail);
}

/** Where a server listens: LISTEN_ADDR (default every IPv4 address) and PORT. */
export function listenAddress(env: Environment, port: number): string {
  return `${env.text('LISTEN_ADDR', '0.0.0.0')}:${env.port('PORT', port)}`;
}
