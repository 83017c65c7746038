#!/usr/bin/env node
// Plain JavaScript that any Node can read: it finds a Node that is new enough, then hands over to the real program.
import { spawnSync } from 'node:child_process';
import { readdirSync, statSync } from 'node:fs';
import * as module from 'node:module';
import { homedir } from 'node:os';
import { join } from 'node:path';

const floor = [22, 19];
const [major, minor] = process.versions.node.split('.').map(Number);
const newEnough = major > floor[0] || (major === floor[0] && minor >= floor[1]);

if (newEnough) {
  // Compiling is most of what a short command would take. In the user's own folder: nobody else may put code there.
  const caches = process.env.XDG_CACHE_HOME || join(homedir(), '.cache');
  module.enableCompileCache(process.env.NODE_COMPILE_CACHE || join(caches, 'meshlift', 'compiled'));
  await import(isBuilt() ? '../dist/cli/main.js' : '../src/cli/main.ts');
} else {
  process.exitCode = runWithBroughtNode();
}

/** Whether `npm run build` has made fewer files of the sources, which load in half the time, and none was changed since. */
function isBuilt() {
  const at = (file) => join(import.meta.dirname, '..', file);
  const built = statSync(at('dist/cli/main.js'), { throwIfNoEntry: false });
  // All files of a package have one time.
  const isOlder = (file) => statSync(file).mtimeMs <= built.mtimeMs;
  const allOlder = (folder) =>
    readdirSync(folder, { withFileTypes: true }).every((entry) => {
      const path = join(folder, entry.name);
      if (entry.isDirectory()) return allOlder(path);
      return !entry.name.endsWith('.ts') || entry.name.endsWith('.test.ts') || isOlder(path);
    });
  return built !== undefined && isOlder(at('package.json')) && allOlder(at('src'));
}

/** The npm package `node` carries a runtime of its own; this workspace depends on it. */
function runWithBroughtNode() {
  try {
    const node = module.createRequire(import.meta.url).resolve('node/bin/node');
    const run = spawnSync(node, process.argv.slice(1), { stdio: 'inherit' });
    if (run.error) throw run.error;
    return run.status ?? 1;
  } catch (error) {
    process.stderr.write(
      `meshlift needs Node ${floor.join('.')} or newer, and this is ${process.versions.node} (${error.message})\nnext: install Node 24, or run npm ci in the folder of meshlift\n`,
    );
    return 1;
  }
}
