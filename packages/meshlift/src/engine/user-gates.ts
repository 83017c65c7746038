import type { GateAnswer, GateSituation } from '../effects/gate/port.ts';
import { quantile } from '../metrics/histogram.ts';
import { judge } from '../migration/gate.ts';
import type { Observation } from '../migration/observation.ts';
import type { MigrationStatus } from '../migration/status.ts';
import type { EngineContext } from './context.ts';

/**
 * Asks the user's gates round after round while a split stands, beside the engine's own looks: a gate that takes its time
 * must not keep an obvious failure waiting.
 */
export interface UserGates {
  /** what they said last of the split that is agreed now; who has not answered yet is inconclusive */
  answers(status: MigrationStatus, seen: Observation): readonly GateAnswer[];
  /** ends what is under way */
  stop(): void;
}

export function userGates(context: EngineContext): UserGates {
  const { clock, gates = [], migration } = context;
  const { interval } = migration.spec.rollout.gate;
  const ended = new AbortController();
  let generation: number | null = null;
  let last: readonly GateAnswer[] = [];
  let round: { readonly generation: number } | null = null;
  let nextAt = 0;

  async function ask(situation: GateSituation): Promise<void> {
    const mine = { generation: situation.generation };
    round = mine;
    try {
      const answers = await Promise.all(gates.map((gate) => gate.ask(situation, ended.signal)));
      if (generation === mine.generation) last = answers;
    } finally {
      if (round === mine) round = null;
      nextAt = clock.now() + interval;
    }
  }

  return {
    answers(status, seen) {
      const { agreed } = status;
      if (gates.length === 0 || !agreed || agreed.split.k8s === 0) return [];
      if (generation !== agreed.generation) {
        generation = agreed.generation;
        last = [];
        nextAt = 0;
      }
      const asking = round?.generation === generation;
      if (!asking && clock.now() >= nextAt) void ask(situationOf(context, agreed, seen));
      return gates.map(
        ({ name }) =>
          last.find((it) => it.gate === name) ?? {
            gate: name,
            verdict: 'inconclusive',
            because: 'it has not answered yet',
          },
      );
    },
    stop: () => ended.abort(),
  };
}

function situationOf(
  { migration }: EngineContext,
  { generation, split }: NonNullable<MigrationStatus['agreed']>,
  { window }: Observation,
): GateSituation {
  const { verdict, because } = judge(migration.spec.rollout.gate, window);
  const sides = window.known ? window : window.soFar;
  const figures = (side: 'vm' | 'k8s') => {
    const { requests = 0, failed = 0, caught = 0 } = sides?.[side] ?? {};
    const p99 = sides ? quantile(sides[side].latency, 0.99) : null;
    return { requests, failed, caught, p99Ms: p99 };
  };
  return {
    migration: migration.metadata.name,
    namespace: migration.metadata.namespace,
    service: migration.spec.service.name,
    generation,
    split,
    own: { verdict, because },
    ...(sides && { sides: { vm: figures('vm'), k8s: figures('k8s') } }),
  };
}
