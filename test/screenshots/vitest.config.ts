/** `npm run screenshots`: the real app with real VMs, pictured into docs/screenshots. Not part of `npm test`. */
import { resolve } from 'node:path';
import { defineConfig } from 'vitest/config';

const root = resolve(import.meta.dirname, '../..');

export default defineConfig({
  root,
  resolve: { alias: { '@shared': resolve(root, 'src-shared') } },
  test: {
    name: 'screenshots',
    environment: 'node',
    include: ['test/screenshots/*.shots.ts'],
    globalSetup: ['test/support/display.ts'],
    fileParallelism: false,
    testTimeout: 300_000,
    hookTimeout: 180_000,
  },
});
