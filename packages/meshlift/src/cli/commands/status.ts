import { stringify } from 'yaml';
import type { EngineContext } from '../../engine/context.ts';
import { type LiveView, liveView } from '../../engine/live-view.ts';
import { type ExitCode, exitCodes } from '../../errors/codes.ts';
import { isMeshliftError } from '../../errors/error.ts';
import { withReadOnlyContext } from '../open-context.ts';
import type { CommonOptions } from '../options.ts';
import { eventLines } from '../render/event-lines.ts';
import { paint } from '../render/paint.ts';
import { statusChanges } from '../render/status-changes.ts';
import { statusDocument } from '../render/status-document.ts';
import { statusScreen } from '../render/status-screen.ts';
import { openScreen } from '../screen.ts';
import { keepMemorySteady } from '../steady-memory.ts';
import type { Terminal } from '../terminal.ts';

export interface StatusOptions extends CommonOptions {
  /** look again and again until interrupted, or until the VM is retired */
  readonly watch?: boolean;
}

const lookEveryMs = 1_000;

/** The record, and beside it what the world says right now; reads only, and disturbs no engine. */
export async function statusCommand(options: StatusOptions, terminal: Terminal): Promise<ExitCode> {
  return withReadOnlyContext(options, terminal, eventLines(terminal, { json: false }), async (context) => {
    const look = liveView(context);
    if (options.watch) return watch(options, context, look, terminal);
    await look();
    // A rate is known from two looks.
    await context.clock.wait(lookEveryMs, context.signal);
    const view = await look();
    if (options.output === 'table')
      terminal.out(`${statusScreen(context.migration, view, paint(terminal.color)).join('\n')}\n`);
    else {
      const data = statusDocument(context.migration, view);
      terminal.out(options.output === 'json' ? `${JSON.stringify(data, null, 2)}\n` : stringify(data));
    }
    return exitCodes.done;
  });
}

/** A cluster that does not answer for a moment ends no watch: it is told, and looked at again. */
async function watch(
  { output }: StatusOptions,
  context: EngineContext,
  look: () => Promise<LiveView>,
  terminal: Terminal,
): Promise<ExitCode> {
  keepMemorySteady();
  const show = output === 'json' ? jsonLines(context, terminal) : drawing(context, terminal);
  try {
    for (;;) {
      const seen = await look().catch((error: unknown) => {
        if (isMeshliftError(error)) return `${error.where}: ${error.why}`;
        throw error;
      });
      show.next(seen);
      if (typeof seen !== 'string' && seen.status.phase === 'Retired') return exitCodes.done;
      await context.clock.wait(lookEveryMs, context.signal);
    }
  } catch (error) {
    if (context.signal.aborted) return exitCodes.done;
    throw error;
  } finally {
    show.close();
  }
}

interface Showing {
  next(seen: LiveView | string): void;
  close(): void;
}

function drawing({ migration }: EngineContext, terminal: Terminal): Showing {
  let told: ReadonlyMap<string, string> = new Map();
  if (!terminal.screen) {
    return {
      next(seen) {
        const changes =
          typeof seen === 'string'
            ? {
                lines: told.get('trouble') === seen ? [] : [seen],
                told: new Map([...told, ['trouble', seen]]),
              }
            : statusChanges(seen, told);
        told = changes.told;
        for (const line of changes.lines) terminal.out(`${line}\n`);
      },
      close: () => undefined,
    };
  }
  const screen = openScreen(terminal);
  let last: readonly string[] = [];
  return {
    next(seen) {
      if (typeof seen === 'string') screen.draw([...last, '', `can't look at the moment: ${seen}`]);
      else {
        last = statusScreen(migration, seen, paint(terminal.color));
        screen.draw([
          ...last,
          '',
          paint(terminal.color).faint('Ctrl-C ends the watch; the migration goes on'),
        ]);
      }
    },
    close: () => screen.close(),
  };
}

/** One document a line, for each look. */
function jsonLines({ migration }: EngineContext, terminal: Terminal): Showing {
  return {
    next(seen) {
      terminal.out(
        `${JSON.stringify(typeof seen === 'string' ? { error: seen } : statusDocument(migration, seen))}\n`,
      );
    },
    close: () => undefined,
  };
}
