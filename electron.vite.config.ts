import { resolve } from 'node:path';
import { svelte } from '@sveltejs/vite-plugin-svelte';
import { defineConfig } from 'electron-vite';

const at = (path: string): string => resolve(import.meta.dirname, path);
const alias = { '@shared': at('src-shared') };

/**
 * Three builds. The targets are those of the oldest Electron that set-up may hand out (33: Node 20.18, Chromium 130),
 * not those of the `electron` package that is installed; electron-vite would take the latter.
 *
 * The output folder is electron-vite's own (`out`, or `--outDir`): build/bundle.mjs builds aside and swaps.
 */
export default defineConfig({
  main: {
    resolve: { alias },
    build: {
      target: 'node20.18',
      sourcemap: true,
      rolldownOptions: {
        input: {
          index: at('src-main/index.ts'),
          cli: at('src-main/cli/index.ts'),
          worker: at('src-worker/index.ts'),
        },
        output: { format: 'es', entryFileNames: '[name].js', chunkFileNames: 'chunks/[name]-[hash].js' },
      },
    },
  },
  // A sandboxed preload is one CommonJS file: it can require neither a sibling nor a package.
  preload: {
    resolve: { alias },
    build: {
      target: 'node20.18',
      sourcemap: 'inline',
      externalizeDeps: false,
      rolldownOptions: {
        input: { index: at('src-main/shell/preload.ts') },
        output: { format: 'cjs', entryFileNames: '[name].cjs' },
      },
    },
  },
  renderer: {
    root: at('src-renderer'),
    resolve: { alias },
    plugins: [svelte({ configFile: at('svelte.config.js') })],
    worker: { format: 'es', plugins: () => [svelte({ configFile: at('svelte.config.js') })] },
    build: {
      target: 'chrome130',
      sourcemap: true,
      // The page's policy allows no `data:` sources.
      assetsInlineLimit: 0,
      rolldownOptions: { input: { index: at('src-renderer/index.html') } },
    },
  },
});
