import { type BuildOptions, build } from 'esbuild';

/** Bundles programs into modules that Node runs; what is given says which, where to, and what they are not to contain. */
export async function bundle(programs: BuildOptions): Promise<void> {
  await build({
    bundle: true,
    platform: 'node',
    format: 'esm',
    target: 'node22',
    minifySyntax: true,
    minifyWhitespace: true,
    legalComments: 'eof',
    // Some dependencies are CommonJS and call require for Node's own modules.
    banner: {
      js: "import { createRequire } from 'node:module'; const require = createRequire(import.meta.url);",
    },
    logLevel: 'warning',
    ...programs,
  });
}
