import { homedir } from 'node:os';
import { join } from 'node:path';
import { ensureParts } from '../parts/parts.ts';
import { type PartsProgress, progressLine } from '../parts/progress.ts';
import type { LabSettings } from '../plan/lab-settings.ts';
import { ensureRootfs } from '../rootfs/rootfs.ts';
import { ensureSidecarPackage } from '../vm/sidecar-package.ts';
import { type LabIo, say } from './io.ts';

/** What a lab is made of and that outlives it: built or fetched once, then found in the cache. */
export type Material = Pick<LabSettings, 'partsDir' | 'rootfs' | 'sidecarPackage' | 'versions'>;

/** A line at least every five seconds, also where a busy machine is late with it. */
const LINE_EVERY_MS = 3_000;

export async function prepareMaterial(wanted: { vm: boolean }, io: LabIo): Promise<Material> {
  const cacheDir = cacheFolder(io.env);
  // Side by side: one waits for the network while the other computes. If one fails, the other is not left running.
  const failed = new AbortController();
  const signal = AbortSignal.any([io.signal, failed.signal]);
  const making = [
    ensureParts({
      cacheDir,
      override: io.env.MESHLIFT_PARTS,
      progress: throttled((progress: PartsProgress) => say(io, progressLine(progress))),
      signal,
    }),
    ensureRootfs({ cacheDir, progress: throttled((line: string) => say(io, line)), signal }),
  ] as const;
  const [parts, rootfs] = await Promise.all(making).catch(async (error: unknown) => {
    failed.abort(error);
    await Promise.allSettled(making);
    throw error;
  });
  const sidecarPackage = wanted.vm
    ? await ensureSidecarPackage({ parts, cacheDir, signal: io.signal })
    : null;
  return { partsDir: parts.dir, rootfs, sidecarPackage, versions: parts.versions };
}

/** Meshlift's folder in the user's cache. */
export function cacheFolder(env: NodeJS.ProcessEnv): string {
  return join(env.XDG_CACHE_HOME || join(env.HOME || homedir(), '.cache'), 'meshlift');
}

/** Passes on the first call and then at most one every few seconds. */
function throttled<T>(tell: (value: T) => void): (value: T) => void {
  let last = Number.NEGATIVE_INFINITY;
  return (value) => {
    if (performance.now() - last < LINE_EVERY_MS) return;
    last = performance.now();
    tell(value);
  };
}
