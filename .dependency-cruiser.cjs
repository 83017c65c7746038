/**
 * The import rule of ARCHITECTURE.md, as a check.
 * Pure folders import nothing but each other; effects stand behind ports; packages meet only where there is a wire.
 */
const pure = '^packages/meshlift/src/(spec|migration|mesh|metrics)/';
const product = '^packages/meshlift/src/';

module.exports = {
  forbidden: [
    { name: 'no-circular', severity: 'error', from: {}, to: { circular: true } },
    {
      name: 'pure-stays-pure',
      comment: 'spec, migration, mesh and metrics decide and describe; they never reach the world',
      severity: 'error',
      from: { path: pure, pathNot: '\\.test\\.ts$' },
      to: { path: product, pathNot: [pure, `${product}errors/`, `${product}effects/[^/]+/port\\.ts$`] },
    },
    {
      name: 'pure-without-node',
      severity: 'error',
      from: { path: pure, pathNot: '\\.test\\.ts$' },
      to: { dependencyTypes: ['core'] },
    },
    {
      name: 'effects-know-no-migration',
      severity: 'error',
      from: { path: `${product}effects/`, pathNot: '\\.test\\.ts$' },
      to: { path: `${product}(spec|migration|mesh|engine|actions|checks|cli|report)/` },
    },
    {
      name: 'acts-see-ports-only',
      comment:
        'actions, checks and the engine are handed effects; only the command line constructs real ones',
      severity: 'error',
      from: { path: `${product}(actions|checks|engine|vm|metrics)/`, pathNot: '\\.test\\.ts$' },
      to: { path: `${product}effects/[^/]+/(real|fake)\\.ts$` },
    },
    {
      name: 'library-never-prints',
      severity: 'error',
      from: { path: product, pathNot: `${product}cli/` },
      to: { path: `${product}cli/` },
    },
    {
      name: 'lab-imports-nothing-of-ours',
      severity: 'error',
      from: { path: '^packages/lab/' },
      to: { path: '^(packages/(?!lab/)|demo/|e2e/)' },
    },
    {
      name: 'shop-imports-nothing-of-ours',
      severity: 'error',
      from: { path: '^packages/shop/' },
      to: { path: '^(packages/(?!shop/)|demo/|e2e/)' },
    },
    {
      name: 'product-meets-the-lab-at-its-door',
      severity: 'error',
      from: { path: product },
      to: { path: '^packages/(lab/(?!src/index\\.ts)|shop/)' },
    },
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    exclude: { path: '(node_modules|dist|testdata)/' },
    parser: 'swc',
    enhancedResolveOptions: { extensions: ['.ts', '.js', '.json'] },
  },
};
