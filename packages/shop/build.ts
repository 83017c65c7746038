import { cpSync, mkdtempSync, rmSync, statSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { Plugin } from 'esbuild';
import { bundle } from '../../scripts/bundle.ts';
import catalogue from './images.json' with { type: 'json' };
import { replaceFiles } from './src/build/replace-files.ts';

// Bundles each program of images.json into dist/<program>.mjs: one file that needs nothing but Node, so that it starts
// fast, goes to the VM as it is, and maps into a container read-only.
const path = (relative: string): string => fileURLToPath(new URL(relative, import.meta.url));

const programs = Object.keys(catalogue.images).map((image) => image.slice('meshlift.dev/shop/'.length));

/**
 * Loads node:http by require. Importing it would read all its exports, one of which loads Node's whole HTTP client of
 * fetch, with 5 MB of memory and 40 ms that no program here has a use for.
 */
const requireHttp: Plugin = {
  name: 'require-http',
  setup({ onResolve, onLoad }) {
    onResolve({ filter: /^node:http$/ }, ({ path: module }) => ({ path: module, namespace: 'required' }));
    onLoad({ filter: /.*/, namespace: 'required' }, ({ path: module }) => ({
      contents: `module.exports = require(${JSON.stringify(module.replace('node:', ''))});`,
    }));
  },
};

// Built beside dist and then put in its place file by file: the containers of a running lab have its files mounted.
const built = mkdtempSync(path('dist.new-'));
process.once('exit', () => rmSync(built, { recursive: true, force: true }));
await bundle({
  entryPoints: Object.fromEntries(programs.map((program) => [program, path(`src/${program}/main.ts`)])),
  outdir: built,
  outExtension: { '.js': '.mjs' },
  plugins: [requireHttp],
  // grpc-js loads it when a program registers one of its admin services; none of ours does.
  external: ['@grpc/proto-loader'],
});
cpSync(path('src/frontend/static'), `${built}/static`, { recursive: true });
replaceFiles(path('dist'), built);

for (const program of programs) {
  const size = statSync(path(`dist/${program}.mjs`)).size;
  process.stdout.write(`dist/${program}.mjs ${Math.round(size / 1024)} kB\n`);
}
