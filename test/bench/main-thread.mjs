// npm run bench:main [MiB]: what a save costs the process that runs it. Prints a table.
import { resolve } from 'node:path';
import { createServer } from 'vite';

const root = resolve(import.meta.dirname, '../..');
process.chdir(root);
const server = await createServer({
  configFile: false,
  root,
  logLevel: 'error',
  server: { middlewareMode: true, ws: false, watch: null },
  resolve: { alias: { '@shared': resolve(root, 'src-shared') } },
});
try {
  const { measureMainThread, printRuns } = await server.ssrLoadModule('/test/bench/run-main-thread.ts');
  printRuns(await measureMainThread(Number(process.argv[2] ?? 2048)));
} finally {
  await server.close();
}
