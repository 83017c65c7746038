import { join } from 'node:path';
import { reportedVersion, requireExecutable } from './probe.ts';
import { type Component, ENVOY_PROBE, type VersionProbe } from './programs.ts';
import type { Recipe } from './recipe.ts';

/** What became of the check of one program: the version it reports, null if it has none to report. */
export interface CheckedProgram {
  readonly name: string;
  readonly component: Component | null;
  readonly version: string | null;
}

/** Runs every program of the recipe in `bin`; each promise rejects with a PartsError when its program can't be used. */
export function checkPrograms(bin: string, recipe: Recipe, signal: AbortSignal): Promise<CheckedProgram>[] {
  const check = async (name: string, component: Component | null, probe: VersionProbe | null) => {
    const path = join(bin, name);
    if (probe === null) await requireExecutable(path, recipe.goArch);
    const version = probe === null ? null : await reportedVersion(path, probe, signal);
    return { name, component, version };
  };
  return [
    ...recipe.programs.map(({ name, component, probe }) => check(name, component, probe)),
    check('envoy', 'envoy', ENVOY_PROBE),
  ];
}

/** Component → version, of programs that were checked. */
export function versionsOf(checked: readonly CheckedProgram[]): Record<string, string> {
  const versions: Record<string, string> = {};
  for (const { component, version } of checked) {
    if (component !== null && version !== null) versions[component] = version;
  }
  return versions;
}
