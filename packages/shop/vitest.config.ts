import { defineConfig } from 'vitest/config';

// `npm run test:system -w @meshlift/shop`: the built shop as real processes on loopback.
export default defineConfig({
  test: {
    include: ['src/system/**/*.system.ts'],
    testTimeout: 120_000,
    hookTimeout: 60_000,
  },
});
