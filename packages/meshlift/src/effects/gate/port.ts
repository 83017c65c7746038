export type GateVerdict = 'pass' | 'fail' | 'inconclusive' | 'error';

/** What a gate of the user's said of one split. */
export interface GateAnswer {
  readonly gate: string;
  readonly verdict: GateVerdict;
  readonly because: string;
}

/** What a gate of the user's is told: the migration, the split that is judged, and what callers saw of both sides. */
export interface GateSituation {
  readonly migration: string;
  readonly namespace: string;
  readonly service: string;
  readonly generation: number;
  readonly split: { readonly vm: number; readonly k8s: number };
  /** what Meshlift's own gate says */
  readonly own: { readonly verdict: GateVerdict; readonly because: string };
  /** absent as long as it is not known */
  readonly sides?: Readonly<
    Record<
      'vm' | 'k8s',
      {
        readonly requests: number;
        readonly failed: number;
        readonly caught: number;
        readonly p99Ms: number | null;
      }
    >
  >;
}

/** A gate of the user's. Never rejects: whatever goes wrong with it is its answer, `error`. */
export interface UserGate {
  readonly name: string;
  ask(situation: GateSituation, signal: AbortSignal): Promise<GateAnswer>;
}
