import { writeFile } from 'node:fs/promises';
import { userInfo } from 'node:os';
import { resolve } from 'node:path';
import { parse } from 'yaml';
import { contextNames } from '../../effects/kube/kubeconfig.ts';
import { type OpenCluster, openCluster } from '../../effects/kube/real.ts';
import { type ExitCode, exitCodes } from '../../errors/codes.ts';
import { isMeshliftError, MeshliftError } from '../../errors/error.ts';
import { parseMigration } from '../../spec/migration.ts';
import { type InitAnswers, type InitFlags, settleAnswers } from '../init/answers.ts';
import { openAsker } from '../init/ask.ts';
import { discoverCallers, discoverCluster, type FoundCluster } from '../init/discover.ts';
import { firstFile } from '../init/first-file.ts';
import type { CommonOptions } from '../options.ts';
import type { Terminal } from '../terminal.ts';

export interface InitOptions extends CommonOptions, InitFlags {
  /** print the file instead of writing it */
  readonly dryRun?: boolean;
}

/** Looks at the clusters, asks what it can't see, and writes a first migration file; never over one that is there. */
export async function initCommand(options: InitOptions, terminal: Terminal): Promise<ExitCode> {
  const { kubeconfig } = options;
  const names = options.contexts?.split(',').map((it) => it.trim()) ?? (await contextNames(kubeconfig));
  const opened = new Map<string, OpenCluster>();
  try {
    for (const context of names)
      opened.set(
        context,
        await openCluster({ name: context, context, ...(kubeconfig && { kubeconfigPath: kubeconfig }) }),
      );
    const found = await Promise.all(
      [...opened].map(([context, kube]) => discoverCluster(context, kube, 'istio-system', terminal.signal)),
    );
    for (const cluster of found) terminal.err(`${described(cluster)}\n`);
    const answers = await settled(options, found, terminal);
    const text = firstFile(answers, await callersOf(answers, opened, terminal.signal));
    const parsed = parseMigration(parse(text));
    if (!parsed.ok) {
      throw new MeshliftError('bad-usage', {
        where: 'meshlift init',
        why: parsed.problems.map((it) => `${it.path}: ${it.received}; needed: ${it.expected}`).join('\n  '),
        next: 'correct the answer; nothing was written',
      });
    }
    if (options.dryRun) terminal.out(text);
    else await writeNew(resolve(terminal.cwd, options.file), text, options.file);
    if (!options.dryRun)
      terminal.err(`✔ ${options.file} is written\nnext: read it through, then: meshlift check\n`);
    return exitCodes.done;
  } finally {
    for (const kube of opened.values()) kube.close();
  }
}

async function settled(
  options: InitOptions,
  found: readonly FoundCluster[],
  terminal: Terminal,
): Promise<InitAnswers> {
  const asker = openAsker(terminal);
  try {
    return await settleAnswers(options, found, asker, userInfo().username);
  } finally {
    asker.close();
  }
}

function described(cluster: FoundCluster): string {
  if (!cluster.reachable) return `  ${cluster.context}: can't be reached: ${cluster.why}`;
  if (!cluster.istio) return `  ${cluster.context}: no Istio in istio-system`;
  return `  ${cluster.context}: Istio, ${cluster.services.length} services`;
}

/** Who calls is good to know and never needed: a cluster that can't tell is left out of the comments. */
async function callersOf(
  { contexts, service }: InitAnswers,
  opened: ReadonlyMap<string, OpenCluster>,
  signal: AbortSignal,
): Promise<ReadonlyMap<string, readonly string[]>> {
  const found = await Promise.all(
    contexts.map(async (context) => {
      const kube = opened.get(context);
      if (!kube) return [context, []] as const;
      try {
        return [context, await discoverCallers(kube, service, signal)] as const;
      } catch (error) {
        if (isMeshliftError(error)) return [context, []] as const;
        throw error;
      }
    }),
  );
  return new Map(found);
}

async function writeNew(path: string, text: string, shown: string): Promise<void> {
  try {
    await writeFile(path, text, { flag: 'wx' });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    throw new MeshliftError('bad-usage', {
      where: shown,
      why: 'it is there already, and init overwrites nothing',
      next: 'name another with --file, or look at what it would write with --dry-run',
    });
  }
}
