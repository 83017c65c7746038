import { type EngineContext, tell } from '../engine/context.ts';
import type { Journal } from '../engine/journal.ts';
import type { TrafficWatch } from '../engine/traffic-watch.ts';
import { MeshliftError } from '../errors/error.ts';
import { judge, type Verdict } from '../migration/gate.ts';
import { allOnVm } from '../migration/traffic-split.ts';
import { formatDuration } from '../spec/duration.ts';
import { mirroredWindow, readMirroredAnswers } from '../verification/mirrored-answers.ts';
import { writeSplit } from './write-split.ts';

/**
 * Sends the copy requests of the methods that the spec lists a second time, while the VM answers all of them, and judges
 * what it answers by the gate's limits. Ends with the route as it was. Rejects with `mirror-failed` when the copy is not
 * good enough, or had too little to answer: no customer heard of either.
 */
export async function mirrorTraffic(
  context: EngineContext,
  journal: Journal,
  traffic: TrafficWatch,
): Promise<void> {
  const { mirror } = context.migration.spec.rollout;
  if (!mirror) return;
  const reason = `${mirror.percent} % of ${mirror.methods.join(', ')} is mirrored to the copy`;
  await writeSplit(context, journal, traffic, { split: allOnVm, cause: 'mirror', reason });
  const verdict = await watch(context, mirror.hold);
  await writeSplit(context, journal, traffic, {
    split: allOnVm,
    cause: 'step',
    reason: 'the mirror is taken away',
  });
  const at = new Date(context.clock.now()).toISOString();
  await journal.record({ mirrored: { at, verdict: verdict.verdict, because: verdict.because } });
  if (verdict.verdict === 'pass') {
    tell(context, 'mirror', 'done', `the copy answers mirrored requests well: ${verdict.because}`);
    return;
  }
  throw new MeshliftError('mirror-failed', {
    where: 'the copy, answering mirrored requests',
    why: `${verdict.because}; no customer heard its answers`,
    next:
      verdict.verdict === 'fail'
        ? 'mend the copy, then: meshlift run'
        : 'give it more to answer (rollout.mirror.hold, .methods, .percent), then: meshlift run',
  });
}

/** Until it has passed and been held, has failed, or has had its time and the readiness deadline without a verdict. */
async function watch(context: EngineContext, hold: number): Promise<Verdict> {
  const { clock, migration, signal } = context;
  const { gate } = migration.spec.rollout;
  const started = clock.now();
  let base = await readMirroredAnswers(context);
  for (;;) {
    await clock.wait(gate.interval, signal);
    const now = await readMirroredAnswers(context);
    // A beginning that could not be read in full would leave every later look without an answer.
    if (base.unread.length > 0) base = now;
    const verdict = judge(gate, mirroredWindow(now, base));
    const held = clock.now() - started;
    tell(
      context,
      'mirror',
      verdict.verdict === 'fail' ? 'warning' : 'progress',
      `${verdict.verdict}: ${verdict.because}`,
      {
        heldMs: held,
      },
    );
    if (verdict.verdict === 'fail') return verdict;
    if (verdict.verdict === 'pass' && held >= hold) return verdict;
    if (held >= hold + migration.spec.deadlines.ready)
      return { ...verdict, because: `${verdict.because}, after ${formatDuration(held)}` };
  }
}
