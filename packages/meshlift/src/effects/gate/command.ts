import { spawn } from 'node:child_process';
import { answer } from './answer.ts';
import type { GateAnswer, GateSituation, UserGate } from './port.ts';

export interface CommandGateSpec {
  /** the program and its arguments; no shell reads them */
  readonly argv: readonly string[];
  /** milliseconds, after which it is killed with all that it started */
  readonly timeout: number;
}

/** sysexits' EX_TEMPFAIL: ask again later */
const inconclusive = 75;
const mostOutput = 16_384;

/**
 * Asks a program: exit code 0 passes, 1 fails, 75 is inconclusive, and anything else, a signal or the deadline is an
 * error. It gets the situation as JSON in MESHLIFT_SITUATION, its parts in variables of their own, and meshlift's own
 * environment; what it prints first is its reason.
 */
export function commandGate(name: string, { argv, timeout }: CommandGateSpec): UserGate {
  return {
    name,
    ask: (situation, signal) =>
      new Promise<GateAnswer>((resolve) => {
        const [program = '', ...args] = argv;
        const child = spawn(program, args, {
          env: { ...process.env, ...variables(situation) },
          stdio: ['ignore', 'pipe', 'pipe'],
          // A group of its own, so that what it starts ends with it.
          detached: true,
        });
        let out = '';
        let ending: string | null = null;
        const kill = (why: string) => {
          ending ??= why;
          try {
            if (child.pid !== undefined) process.kill(-child.pid, 'SIGKILL');
          } catch (error) {
            // It ended by itself meanwhile: that is told by its exit.
            if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
          }
        };
        const abort = () => kill('the engine stopped');
        const timer = setTimeout(() => kill(`it did not end within ${timeout} ms, and was killed`), timeout);
        signal.addEventListener('abort', abort);
        const end = (verdict: GateAnswer['verdict'], because: string) => {
          clearTimeout(timer);
          signal.removeEventListener('abort', abort);
          resolve(answer(name, verdict, because));
        };
        for (const stream of [child.stdout, child.stderr]) {
          stream.setEncoding('utf8');
          stream.on('data', (text: string) => {
            if (out.length < mostOutput) out += text;
          });
        }
        child.once('error', (error) => end('error', `${program} can't be run: ${error.message}`));
        child.once('close', (code, killedBy) => {
          if (ending) end('error', ending);
          else if (code === 0) end('pass', out || 'exit code 0');
          else if (code === 1) end('fail', out || 'exit code 1');
          else if (code === inconclusive) end('inconclusive', out || `exit code ${code}`);
          else end('error', `${killedBy ? `it was ended by ${killedBy}` : `exit code ${code}`}: ${out}`);
        });
        if (signal.aborted) abort();
      }),
  };
}

function variables(situation: GateSituation): Record<string, string> {
  return {
    MESHLIFT_MIGRATION: situation.migration,
    MESHLIFT_NAMESPACE: situation.namespace,
    MESHLIFT_SERVICE: situation.service,
    MESHLIFT_GENERATION: String(situation.generation),
    MESHLIFT_SPLIT_VM: String(situation.split.vm),
    MESHLIFT_SPLIT_K8S: String(situation.split.k8s),
    MESHLIFT_SITUATION: JSON.stringify(situation),
  };
}
