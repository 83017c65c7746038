import { type Look, until } from '../effects/clock/until.ts';
import type { CallAnswer } from '../effects/service-call/port.ts';
import type { EngineContext, MemberCluster } from '../engine/context.ts';
import { tell } from '../engine/context.ts';
import { isMeshliftError, MeshliftError } from '../errors/error.ts';
import { copyTest, copyTestProblem } from '../mesh/copy-test.ts';
import { serviceHost } from '../mesh/names.ts';
import {
  type CallerImage,
  callerImage,
  testCaller,
  testCallerPort,
  testCallerRef,
} from '../mesh/test-caller.ts';

const lookEveryMs = 500;

/** A call that is lost on its way must not take all the time that there is for an answer. */
const triesAtLeast = 3;
/** A connection is kept for a second before it counts as taken. */
const shortestTryMs = 2_000;

/**
 * Calls the copy through the mesh from every member cluster, before any customer does: a pod of each member, with a
 * sidecar like any caller's, asks for the service under its own name, with the header that names the copy's side.
 * Rejects with `copy-not-answering`, naming the member and the answer.
 */
export async function testCopy(context: EngineContext): Promise<void> {
  if (context.migration.spec.workload.test === 'off') {
    tell(
      context,
      'copy-test',
      'warning',
      'the copy is not tested through the mesh: spec.workload.test is off',
    );
    return;
  }
  const results = await Promise.allSettled(context.members.map((member) => testFrom(context, member)));
  const failed = results.find((it) => it.status === 'rejected');
  if (failed) throw failed.reason;
}

async function testFrom(context: EngineContext, member: MemberCluster): Promise<void> {
  const image = await imageIn(context, member);
  if (!image) {
    const why = `no pod in ${member.name} has a sidecar, so nobody calls from there, and the copy is not tested from there`;
    tell(context, 'copy-test', 'warning', why, { cluster: member.name });
    return;
  }
  await removeTestCaller(context, member);
  try {
    await member.kube.create(testCaller(context.migration, image), { signal: context.signal });
    await untilCallerReady(context, member);
    const answer = await untilAnswered(context, member);
    tell(context, 'copy-test', 'progress', `the copy answered a caller in ${member.name} through the mesh`, {
      cluster: member.name,
      answer,
    });
  } finally {
    // An engine that lost its Lease writes no more; the pod then ends by itself.
    if (!context.signal.aborted) await removeTestCaller(context, member);
  }
}

async function imageIn(context: EngineContext, { kube }: MemberCluster): Promise<CallerImage | null> {
  const query = { apiVersion: 'v1', kind: 'Pod', fieldSelector: 'status.phase=Running' };
  const pods = await kube.list(query, context.signal);
  const { namespace } = context.migration.metadata;
  const neighboursFirst = pods.toSorted(
    (a, b) => Number(b.metadata.namespace === namespace) - Number(a.metadata.namespace === namespace),
  );
  return neighboursFirst.map(callerImage).find((it) => it !== null) ?? null;
}

async function untilCallerReady(context: EngineContext, member: MemberCluster): Promise<void> {
  const { clock, migration, signal } = context;
  const ref = testCallerRef(migration);
  await until(
    clock,
    {
      for: `the test caller ${ref.namespace}/${ref.name} in ${member.name} to be ready`,
      deadlineMs: migration.spec.deadlines.ready,
      intervalMs: lookEveryMs,
      next: `kubectl --context ${member.member.context} -n ${ref.namespace} describe pod ${ref.name}; to go on without the test: spec.workload.test: off`,
      signal,
      progress: (why) => tell(context, 'wait', 'progress', `waiting for a caller in ${member.name}: ${why}`),
    },
    async () => {
      const pod = await member.kube.get({ apiVersion: 'v1', kind: 'Pod', ...ref }, signal);
      const { phase = 'Pending', conditions = [] } = (pod?.status ?? {}) as {
        phase?: string;
        conditions?: { type: string; status: string }[];
      };
      if (pod && callerImage(pod) === null) throw notInjected(context, member);
      const ready = conditions.some(({ type, status }) => type === 'Ready' && status === 'True');
      return ready ? { ready: true, value: true } : { ready: false, why: `the pod is ${phase}, not ready` };
    },
  );
}

/** Without a sidecar its calls would go past the mesh, and prove nothing. */
function notInjected({ migration }: EngineContext, { name, member }: MemberCluster): MeshliftError {
  const { namespace } = migration.metadata;
  return new MeshliftError('cluster-refused', {
    where: `the test caller in ${name}`,
    why: `istiod gave it no sidecar in namespace ${namespace}, so it can't call as callers do`,
    next: `kubectl --context ${member.context} get namespace ${namespace} --show-labels; istio-injection must not be disabled there, or: spec.workload.test: off`,
  });
}

/** A while is given: what was ready a moment ago may not be reachable from everywhere yet. */
async function untilAnswered(context: EngineContext, member: MemberCluster): Promise<CallAnswer> {
  const { clock, migration, signal } = context;
  const ref = testCallerRef(migration);
  const target = { namespace: ref.namespace, pod: ref.name, port: testCallerPort };
  const { host, port } = { host: serviceHost(migration), port: migration.spec.service.port };
  const deadlineMs = migration.spec.deadlines.agree;
  const tryMs = Math.max(shortestTryMs, Math.round(deadlineMs / triesAtLeast));
  let last = 'nothing was asked yet';
  try {
    return await until(
      clock,
      {
        for: `the copy to answer a caller in ${member.name}`,
        deadlineMs,
        intervalMs: lookEveryMs,
        next: '',
        signal,
        progress: (why) =>
          tell(context, 'wait', 'progress', `waiting for the copy, called from ${member.name}: ${why}`),
      },
      async (): Promise<Look<CallAnswer>> => {
        const answer = await member.kube.forwardedCall(target, copyTest(migration), tryMs, signal);
        const problem = copyTestProblem(migration, answer);
        last = problem ?? last;
        return problem === null ? { ready: true, value: answer } : { ready: false, why: problem };
      },
    );
  } catch (error) {
    if (!isMeshliftError(error, 'timed-out')) throw error;
    throw new MeshliftError('copy-not-answering', {
      where: `the copy behind ${host}:${port}, called through the mesh from ${member.name}`,
      why: `${last}; no customer has been sent to it`,
      next: `from a pod in ${member.name}, call ${host}:${port} with the header x-meshlift-side: k8s; then repeat: meshlift deploy`,
      cause: error,
    });
  }
}

/** Removes the test caller, and waits until it is gone: a new one has the same name. */
export async function removeTestCaller(context: EngineContext, member: MemberCluster): Promise<void> {
  const { clock, migration, signal } = context;
  const ref = { apiVersion: 'v1', kind: 'Pod', ...testCallerRef(migration) };
  if (!(await member.kube.delete(ref, { signal }))) return;
  await until(
    clock,
    {
      for: `the test caller ${ref.namespace}/${ref.name} to leave ${member.name}`,
      deadlineMs: migration.spec.deadlines.ready,
      intervalMs: 100,
      next: `kubectl --context ${member.member.context} -n ${ref.namespace} delete pod ${ref.name}`,
      signal,
    },
    async () =>
      (await member.kube.get(ref, signal)) === null
        ? { ready: true, value: true }
        : { ready: false, why: 'it is still there' },
  );
}
