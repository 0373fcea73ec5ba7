import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { endProcess } from './processes';

const START_LIMIT_MS = 15_000;

export interface Display {
  /** What DISPLAY is to be, e.g. `:1`. */
  readonly name: string;
  readonly pid: number;
  stop(): Promise<void>;
}

/**
 * Starts an X server of our own on the first free display number. It is tied to this process (`setpriv --pdeathsig`), so it
 * does not stay behind even when the tests are killed.
 */
export async function startDisplay(size = '2560x1440x24'): Promise<Display> {
  const server = spawn(
    'setpriv',
    ['--pdeathsig', 'KILL', 'Xvfb', '-displayfd', '3', '-screen', '0', size, '-nolisten', 'tcp', '-noreset'],
    { stdio: ['ignore', 'ignore', 'pipe', 'pipe'] },
  );
  try {
    const name = `:${await displayNumber(server)}`;
    const { pid } = server;
    if (pid === undefined) throw new Error('Xvfb has no process id');
    return { name, pid, stop: () => endProcess(pid) };
  } catch (error) {
    server.kill('SIGKILL');
    throw error;
  }
}

/** Xvfb writes the number it took, and a newline, to the descriptor of `-displayfd` once it accepts clients. */
async function displayNumber(server: ChildProcess): Promise<string> {
  let said = '';
  server.stderr?.on('data', (chunk: Buffer) => (said += chunk.toString()));
  const answer = server.stdio[3];
  if (!answer || !('read' in answer)) throw new Error('Xvfb was started without -displayfd');
  const signal = AbortSignal.timeout(START_LIMIT_MS);
  const [chunk] = (await Promise.race([
    once(answer, 'data', { signal }),
    once(server, 'error', { signal }).then(([error]) => {
      throw error as Error;
    }),
    once(server, 'exit', { signal }).then(([code]) => {
      throw new Error(`Xvfb ended with ${String(code)}: ${said.trim()}`);
    }),
  ])) as [Buffer];
  return chunk.toString().trim();
}

/**
 * vitest global set-up of the e2e project. It never uses the display of whoever runs the tests, unless
 * STILLFRAME_E2E_DISPLAY names one to watch them on.
 */
export default async function setup(): Promise<() => Promise<void>> {
  const chosen = process.env['STILLFRAME_E2E_DISPLAY'];
  if (chosen !== undefined) {
    process.env['DISPLAY'] = chosen;
    return () => Promise.resolve();
  }
  const display = await startDisplay();
  process.env['DISPLAY'] = display.name;
  return () => display.stop();
}
