import type { Stage } from './stage.ts';

/** The lines that explain a failure: parts that are not ready with their log's end, and warnings of both clusters. */
export async function whatWentWrong(stage: Stage): Promise<readonly string[]> {
  const lab = await currentLab(stage);
  if (!lab) return ['no lab is running'];
  const lines: string[] = [];
  for (const part of lab.components.filter((it) => it.health !== 'ready')) {
    const log = await stage.meshlift(
      ['lab', 'logs', '--name', stage.labName, '--tail', '15', part.name],
      options,
    );
    lines.push(
      `${part.name} is ${part.health}; the end of its log:`,
      ...log.stdout
        .trimEnd()
        .split('\n')
        .map((it) => `  ${it}`),
    );
  }
  for (const { context } of lab.clusters) {
    const events = [
      'get',
      'events',
      '-A',
      '--field-selector=type=Warning',
      '--sort-by=.lastTimestamp',
      '--no-headers',
    ];
    const text = await stage.kubectl(context, events);
    const last = text.trimEnd().split('\n').filter(Boolean).slice(-8);
    if (last.length > 0) lines.push(`last warnings in ${context}:`, ...last.map((it) => `  ${it}`));
  }
  return lines;
}

const options = { quiet: true, mayFail: true } as const;

async function currentLab(stage: Stage) {
  try {
    return stage.lab;
  } catch {
    return null;
  }
}
