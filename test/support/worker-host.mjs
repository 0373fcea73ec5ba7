// Runs the built worker as a process of its own under plain Node, with the port that Electron gives a utility process.
// argv: the built worker.
import { pathToFileURL } from 'node:url';

Object.defineProperty(process, 'parentPort', {
  value: {
    postMessage: (message) => void process.send?.(message),
    on: (_event, listener) => process.on('message', (data) => listener({ data, ports: [] })),
    off: () => undefined,
  },
});
process.on('disconnect', () => process.exit(0));
await import(pathToFileURL(process.argv[2] ?? '').href);
