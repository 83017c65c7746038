/** The library's one door: what the command line is made of, for those who drive a migration from their own program. */

export { type PlannedObject, planObjects } from './actions/plan.ts';
export { allChecks } from './checks/all-checks.ts';
export { type Check, type CheckResult, type Finding, stops } from './checks/check.ts';
export { runChecks } from './checks/run-checks.ts';
export type { EngineContext, MemberCluster } from './engine/context.ts';
export { drive, type Ending } from './engine/engine.ts';
export { readStatus } from './engine/journal.ts';
export { errorCodes, exitCodes } from './errors/codes.ts';
export { isMeshliftError, MeshliftError } from './errors/error.ts';
export type { EventHost, MeshliftEvent } from './events/event.ts';
export { decide } from './migration/decide.ts';
export type { Decision, Goal } from './migration/decision.ts';
export type { MigrationStatus } from './migration/status.ts';
export { allOnK8s, allOnVm, type Side, splitWithK8s, type TrafficSplit } from './migration/traffic-split.ts';
export { type Migration, parseMigration } from './spec/migration.ts';
