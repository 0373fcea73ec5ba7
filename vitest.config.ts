import { resolve } from 'node:path';
import { svelte } from '@sveltejs/vite-plugin-svelte';
import { defineConfig } from 'vitest/config';

const alias = { '@shared': resolve(import.meta.dirname, 'src-shared') };

/** Timing-sensitive files: nothing else may run beside them. */
const ALONE = 'test/**/*.alone.test.ts';
const DOM = 'src-renderer/**/*.dom.test.ts';

/**
 * The stages of `npm test` (build/test.mjs) in order: `node` and `dom`, then `integration`, `fuzz` and `faults`, then
 * `alone`, then `e2e`.
 */
export default defineConfig({
  test: {
    passWithNoTests: false,
    allowOnly: false,
    // A forgotten `await` or a rejection that nobody handles fails the run.
    dangerouslyIgnoreUnhandledErrors: false,
    projects: [
      {
        resolve: { alias },
        test: {
          name: 'node',
          environment: 'node',
          include: ['src-*/**/*.test.ts', 'build/**/*.test.mjs'],
          exclude: [DOM],
          // They take milliseconds; a loaded machine may take its time all the same.
          testTimeout: 20_000,
        },
      },
      {
        // Without `browser`, Svelte resolves to its server build and mount() throws.
        resolve: { alias, conditions: ['browser'] },
        plugins: [svelte()],
        test: { name: 'dom', environment: 'happy-dom', include: [DOM], testTimeout: 20_000 },
      },
      ...(['integration', 'fuzz', 'faults'] as const).map((name) => ({
        resolve: { alias },
        test: {
          name,
          environment: 'node' as const,
          include: [`test/${name}/**/*.test.ts`],
          exclude: [ALONE],
          testTimeout: 60_000,
          hookTimeout: 60_000,
        },
      })),
      {
        resolve: { alias },
        test: {
          name: 'alone',
          environment: 'node',
          include: [ALONE],
          globalSetup: ['test/support/display.ts'],
          fileParallelism: false,
          testTimeout: 120_000,
          hookTimeout: 60_000,
        },
      },
      {
        resolve: { alias },
        test: {
          name: 'e2e',
          environment: 'node',
          include: ['test/e2e/**/*.test.ts'],
          exclude: [ALONE],
          globalSetup: ['test/support/display.ts'],
          fileParallelism: false,
          testTimeout: 120_000,
          hookTimeout: 180_000,
        },
      },
    ],
  },
});
