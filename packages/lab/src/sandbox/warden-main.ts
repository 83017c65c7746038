import { text } from 'node:stream/consumers';
import type { LabSettings } from '../plan/lab-settings.ts';
import { StateFolder } from '../plan/state-folder.ts';
import { holdsLabLock, LOCK_HELD } from './lab-lock.ts';
import { runWarden } from './warden.ts';

const [folder] = process.argv.slice(2);
if (!folder) throw new Error('warden-main.ts takes the state folder of its lab');
const state = new StateFolder(folder);
// `down` removed it in this very moment: what it did to the folder is not to be built on.
if (!(await holdsLabLock(state.lock))) process.exit(LOCK_HELD);
const settings = JSON.parse(await text(process.stdin)) as LabSettings;
runWarden(state, settings).then(
  // Not process.exit: whoever asked for the end is still being answered.
  (code) => {
    process.exitCode = code;
  },
  (error: Error) => {
    process.stderr.write(`${error.stack ?? error.message}\n`);
    process.exit(1);
  },
);
