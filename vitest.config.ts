import { defineConfig } from 'vitest/config';
import { FailuresLast } from './vitest.failures.ts';

// Each scenario owns the machine: two labs side by side on two cores would measure each other.
const onTheLab = { fileParallelism: false, testTimeout: 300_000, hookTimeout: 300_000 };

export default defineConfig({
  test: {
    reporters: ['default', new FailuresLast()],
    projects: [
      {
        test: {
          name: 'unit',
          globalSetup: ['./vitest.temporary-files.ts'],
          include: ['packages/*/src/**/*.test.ts', 'demo/src/**/*.test.ts', 'docs/*.test.ts'],
          sequence: { shuffle: { tests: true } },
        },
      },
      { test: { name: 'e2e', include: ['e2e/*.e2e.ts'], ...onTheLab } },
      // What takes longer than a change should wait for; `make test-all` runs both.
      { test: { name: 'e2e-all', include: ['e2e/all/*.e2e.ts'], ...onTheLab } },
    ],
  },
});
