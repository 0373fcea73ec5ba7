// Loads a bench written in TypeScript, with the project's aliases, and runs one function of it.
import { resolve } from 'node:path';
import { createServer } from 'vite';

/**
 * @param {string} module path below the project's folder
 * @param {string} name the exported function; it gets the command line's words and answers the exit code
 */
export async function runBench(module, name) {
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
    const bench = await server.ssrLoadModule(module);
    process.exitCode = await bench[name](process.argv.slice(2));
  } finally {
    await server.close();
  }
}
