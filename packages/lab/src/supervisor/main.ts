import { runSandbox } from '../inside/run-lab.ts';

const [settings] = process.argv.slice(2);
if (!settings) throw new Error('supervisor/main.ts takes the path of its settings file');

// The pipe to the warden closes when the warden ends in any way; the lab must not stay without it.
process.stdin.resume();
process.stdin.once('end', () => process.exit(0));
process.stdin.once('error', () => process.exit(0));

runSandbox(settings).catch((error: Error) => {
  process.stderr.write(`${error.stack ?? error.message}\n`);
  process.exit(1);
});
