import { defineConfig } from 'vitest/config';

// `npm run test:system -w @meshlift/shop`: the built shop as real processes, one file at a time, because each measures.
export default defineConfig({
  test: {
    include: ['src/system/**/*.system.ts'],
    fileParallelism: false,
    testTimeout: 120_000,
    hookTimeout: 60_000,
  },
});
