// npm run bench:matrix [-- --only REGEXP] [--repeat N] [--memory MIB] [--limit SECONDS]: saves to a file, QEMU and
// Stillframe side by side. Prints a table; ends with 1 when a condition does not hold.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
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
const { buildForNode, buildWorker } = await server.ssrLoadModule('/test/support/services.ts');
const [program, worker] = await Promise.all([buildForNode('test/bench/matrix/main.ts'), buildWorker()]);
await server.close();
try {
  const child = spawn(process.execPath, [program.file, '--worker', worker.file, ...process.argv.slice(2)], {
    stdio: 'inherit',
  });
  // It ends its VM and then itself; what was built has to go too.
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => child.kill(signal));
  const [code] = await once(child, 'exit');
  process.exitCode = code ?? 1;
} finally {
  await Promise.all([program.remove(), worker.remove()]);
}
