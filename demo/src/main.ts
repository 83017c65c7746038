import { dirname, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { pageAddress } from './shop.ts';
import { Stage } from './stage.ts';
import { tellStory } from './story.ts';
import { storyteller } from './storyteller.ts';
import { whatWentWrong } from './what-went-wrong.ts';

const usage = `usage: make demo [ARGS=--keep]
  --keep          leave everything running at the end
  --name <name>   the lab's name (default: demo)
  --folder <dir>  where the report goes (default: meshlift-report)
`;

process.exitCode = await main(process.argv.slice(2));

async function main(argv: readonly string[]): Promise<number> {
  const flags = readFlags(argv);
  if (!flags) return 64;
  const interrupted = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM'] as const)
    process.on(signal, () => interrupted.abort(new Error(signal)));

  const root = resolve(dirname(fileURLToPath(import.meta.url)), '../..');
  const story = storyteller(process.stdout, Date.now);
  const stage = new Stage(root, flags.name, story, interrupted.signal);
  let told = false;
  try {
    await tellStory(stage, story, flags.folder);
    told = true;
  } catch (error) {
    await tellFailure(stage, error, interrupted.signal);
  }
  if (told && flags.keep) {
    tellWhatToTry(stage, flags);
    return 0;
  }
  process.stdout.write('\ntaking everything down\n');
  // The story's signal may have ended it; going away must work all the same.
  const { exitCode, stderr } = await stage.meshlift(['lab', 'down', '--name', flags.name], {
    quiet: true,
    mayFail: true,
    signal: AbortSignal.timeout(60_000),
  });
  if (exitCode !== 0) process.stderr.write(stderr);
  if (interrupted.signal.aborted) return 130;
  return told && exitCode === 0 ? 0 : 1;
}

function readFlags(argv: readonly string[]): { keep: boolean; name: string; folder: string } | null {
  try {
    const { values } = parseArgs({
      args: [...argv],
      options: {
        keep: { type: 'boolean', default: false },
        name: { type: 'string', default: 'demo' },
        folder: { type: 'string', default: 'meshlift-report' },
      },
    });
    return values;
  } catch (error) {
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n${usage}`);
    return null;
  }
}

async function tellFailure(stage: Stage, error: unknown, signal: AbortSignal): Promise<void> {
  if (signal.aborted) {
    process.stderr.write('\ninterrupted\n');
    return;
  }
  try {
    for (const line of await whatWentWrong(stage)) process.stderr.write(`${line}\n`);
  } catch (second) {
    process.stderr.write(
      `(and the logs can't be read: ${second instanceof Error ? second.message : String(second)})\n`,
    );
  }
  // Last, since the end is what a screen shows of it.
  process.stderr.write(`\nthe demo stopped: ${error instanceof Error ? error.message : String(error)}\n`);
}

function tellWhatToTry(stage: Stage, flags: { readonly name: string; readonly folder: string }): void {
  const lab = `--name ${flags.name}`;
  process.stdout.write(`
everything is left running. Try:
  ${pageAddress(stage)}                                  the shop, in a browser
  export KUBECONFIG=${stage.lab.kubeconfig}
  ${stage.lab.tools.kubectl} --context cluster2 get pods
  npx meshlift -f ${flags.folder}/migration.yaml status
  npx meshlift lab ssh ${lab}                            the VM
  npx meshlift lab down ${lab}                           when you have seen enough
`);
}
