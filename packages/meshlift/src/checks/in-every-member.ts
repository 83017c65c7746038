import type { MemberCluster } from '../engine/context.ts';
import { errorCodes } from '../errors/codes.ts';
import { isMeshliftError } from '../errors/error.ts';
import type { Finding } from './check.ts';

type Findings = readonly Finding[] | Finding | null;

/** Looks at every member at once. One that can't be read hides nothing of what the others tell. */
export async function inEveryMember(
  members: readonly MemberCluster[],
  look: (member: MemberCluster) => Promise<Findings>,
): Promise<readonly Finding[]> {
  const findings = await Promise.all(members.map((member) => look(member).catch(untold)));
  return findings.flatMap((it) => it ?? []);
}

/** The finding that something could not be told, and why; anything but an error of ours is a bug, and thrown on. */
export function untold(error: unknown): Finding {
  if (!isMeshliftError(error)) throw error;
  const passing = errorCodes[error.code].retryable && ({ passing: true } as const);
  return { why: error.message, next: error.next, unknown: true, ...passing };
}
