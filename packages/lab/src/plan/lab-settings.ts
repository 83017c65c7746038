import { readFile, writeFile } from 'node:fs/promises';
import type { LabPlan } from './lab-plan.ts';

/** All that the sandbox needs to know; written by `lab up`, completed by the warden, read by the supervisor. */
export interface LabSettings {
  readonly plan: LabPlan;
  readonly stateDir: string;
  /** Holds `bin/` and `share/`. */
  readonly partsDir: string;
  readonly rootfs: string;
  /** Image catalogues, of which later ones win: the lab's own, then the user's. */
  readonly catalogues: readonly string[];
  readonly sidecarPackage: { readonly path: string; readonly sha256: string } | null;
  /** What runs in the lab, by part. */
  readonly versions: Readonly<Record<string, string>>;
  /** The port of 127.0.0.1 that the warden found free for each forward. */
  readonly ports: Readonly<Record<string, number>>;
  /** True when the lab runs in a user namespace of an ordinary user. */
  readonly userNamespace: boolean;
}

export async function readSettings(path: string): Promise<LabSettings> {
  return JSON.parse(await readFile(path, 'utf8')) as LabSettings;
}

export async function writeSettings(path: string, settings: LabSettings): Promise<void> {
  await writeFile(path, `${JSON.stringify(settings, null, 2)}\n`, { mode: 0o600 });
}
