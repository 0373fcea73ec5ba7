import { utilityProcess, type MessagePortMain, type UtilityProcess } from 'electron';
import { valueWire } from '@shared/contracts/endpoint-wires';
import type { InspectorPorts, IntroduceInspector, ServeInspector } from '@shared/contracts/endpoint-worker';
import type { Worker } from '../services';
import { startLife } from '../workers/life';

/** A worker that can also serve an inspector straight to the renderer. */
export interface UtilityWorker extends Worker {
  /** From here on the worker answers on `ports`, until the page lets go of its own. */
  serveInspector(ports: InspectorPorts<MessagePortMain>, message: Omit<ServeInspector, 'kind'>): void;
  /** Heard before any call that is made after it. */
  introduceInspector(message: Omit<IntroduceInspector, 'kind'>): void;
}

/** As much of a dead worker's stderr as goes into the failure. */
const stderrTail = 4096;

/** A worker as a utility process of Electron. `workerFile` is the built worker. */
export async function startUtilityWorker(workerFile: string, purpose: string): Promise<UtilityWorker> {
  const child = utilityProcess.fork(workerFile, [], { serviceName: `stillframe ${purpose}`, stdio: 'pipe' });
  const stderr = tailOf(child);
  let killed = false;
  const exited = new Promise<{ how: string; detail: string }>((resolve) => {
    child.once('exit', (code) => resolve({ how: killed ? 'stopped' : `code ${code}`, detail: stderr() }));
  });
  const kill = (): void => {
    killed = true;
    killNow(child);
  };
  const worker = await startLife({ wire: valueWire(child), exited, kill }, purpose);
  return {
    ...worker,
    serveInspector: (ports, message) => child.postMessage({ kind: 'serve-inspector', ...message }, [...ports]),
    introduceInspector: (message) => child.postMessage({ kind: 'introduce-inspector', ...message }),
  };
}

/** SIGKILL: Electron's own kill() sends SIGTERM, which waits for the process's event loop. */
function killNow(child: UtilityProcess): void {
  if (child.pid === undefined) return;
  try {
    process.kill(child.pid, 'SIGKILL');
  } catch {
    // It is gone already; `exit` tells.
  }
}

/** Reads the child's output, so that its pipes never fill; remembers the end of stderr and passes all of it on. */
function tailOf(child: UtilityProcess): () => string {
  let tail = '';
  child.stdout?.resume();
  child.stderr?.on('data', (chunk: Uint8Array) => {
    process.stderr.write(chunk);
    tail = (tail + Buffer.from(chunk).toString()).slice(-stderrTail);
  });
  return () => tail.trim();
}
