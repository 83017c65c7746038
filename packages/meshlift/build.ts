import { fileURLToPath } from 'node:url';
import { bundle } from '../../scripts/bundle.ts';

// Bundles the command into a few files (dist/cli): loading them is a quarter of the work that loading each source and each
// dependency by itself is. What a command loads only when it runs stays a file of its own.
const path = (relative: string): string => fileURLToPath(new URL(relative, import.meta.url));
const [, , outdir = path('dist/cli')] = process.argv;

await bundle({
  entryPoints: [path('src/cli/main.ts')],
  // As deep as src/cli, from where the pages that come with the program are found. Files of an earlier build stay beside
  // these (they have names of their own): a command that runs may load one of them yet.
  outdir,
  splitting: true,
  // The lab is a package of its own, which need not be installed, and Kubernetes' client is large, and seldom loaded; the
  // others speed `ws` up where they are.
  external: ['@meshlift/lab', '@kubernetes/client-node', 'bufferutil', 'utf-8-validate'],
});
