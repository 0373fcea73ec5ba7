/** The real services over folders of a test, with the real worker as a process of its own that can be killed by its pid. */
import { fork } from 'node:child_process';
import { mkdir, mkdtemp, rename, rm } from 'node:fs/promises';
import { basename, join, resolve } from 'node:path';
import { createServices, type ComposeOptions } from '../../src-main/compose';
import type { Services, Worker } from '../../src-main/services';
import { startLife } from '../../src-main/workers/life';
import { valueWire } from '../../src-shared/contracts/endpoint-wires';
import type { Machine, MachineId, NewMachine } from '../../src-shared/contracts/machines';
import type { SaveJob, SaveOptions } from '../../src-shared/contracts/saves';

/** Tests and built programs alike run from the project's folder. */
const ROOT = resolve(process.cwd());
export const RESOURCES = join(ROOT, 'resources');
const WORKER_HOST = join(ROOT, 'test/support/worker-host.mjs');

export interface Built {
  readonly file: string;
  remove(): Promise<void>;
}
export type BuiltWorker = Built;

/** Builds the worker from its sources. About 0.3 s. */
export const buildWorker = (): Promise<BuiltWorker> => buildForNode('src-worker/index.ts');

/** Builds one program from its sources into a folder below node_modules, where it finds koffi. */
export async function buildForNode(entry: string): Promise<Built> {
  const { build } = await import('vite');
  const cache = join(ROOT, 'node_modules', '.cache');
  await mkdir(cache, { recursive: true });
  const outDir = await mkdtemp(join(cache, 'stillframe-test-'));
  await build({
    configFile: false,
    root: ROOT,
    logLevel: 'silent',
    resolve: { alias: { '@shared': join(ROOT, 'src-shared') } },
    build: {
      ssr: join(ROOT, entry),
      outDir,
      emptyOutDir: false,
      target: 'node20',
      rolldownOptions: { external: ['koffi', 'vite'], output: { format: 'es', entryFileNames: 'built.mjs' } },
    },
    ssr: { noExternal: true, external: ['koffi', 'vite'] },
  });
  return { file: join(outDir, 'built.mjs'), remove: () => rm(outDir, { recursive: true, force: true }) };
}

/** A worker in a process of its own; `pid` is its real one. */
export function startProcessWorker(workerFile: string, purpose: string): Promise<Worker> {
  const child = fork(WORKER_HOST, [workerFile], { serialization: 'advanced', execArgv: [], stdio: 'inherit' });
  const exited = new Promise<{ how: string }>((done) => {
    child.once('exit', (code, signal) => done({ how: signal === null ? `code ${String(code)}` : `signal ${signal}` }));
  });
  child.on('error', () => undefined);
  const wire = valueWire({
    on: (event, listener) => child.on(event, listener),
    off: (event, listener) => child.off(event, listener),
    postMessage: (message) => {
      if (child.connected) child.send(message as Parameters<typeof child.send>[0]);
    },
  });
  return startLife({ wire, exited, kill: () => void child.kill('SIGKILL') }, purpose);
}

export interface StartedWorker extends Worker {
  readonly isChannel: boolean;
}

export interface TestServices extends Services {
  /** Every worker that was started, oldest first. Channels are kept warm for the next save. */
  readonly startedWorkers: readonly StartedWorker[];
  /** Ends every VM and lets go of everything. */
  end(): Promise<void>;
}

export interface TestServicesOptions extends ComposeOptions {
  /** Folder of the test; data, library, run and trash are made below it. */
  readonly folder: string;
  readonly worker: BuiltWorker;
  readonly library?: string;
}

/** Services of which nothing remains after `end`. "Trash" is a folder beside the library. */
export async function openTestServices(options: TestServicesOptions): Promise<TestServices> {
  const { folder, worker } = options;
  const places = {
    data: join(folder, 'data'),
    library: options.library ?? join(folder, 'library'),
    run: join(folder, 'run'),
    resources: RESOURCES,
  };
  const trash = join(folder, 'trash');
  await Promise.all([places.data, places.run, trash].map((path) => mkdir(path, { recursive: true, mode: 0o700 })));
  const startedWorkers: StartedWorker[] = [];
  const starts: Promise<unknown>[] = [];
  const services = await createServices(
    {
      places,
      startWorker: async (purpose) => {
        const start = startProcessWorker(worker.file, purpose);
        starts.push(start);
        const started = await start;
        startedWorkers.push({ ...started, isChannel: purpose === 'copying memory' });
        return started;
      },
      trash: (path) => rename(path, join(trash, basename(path))),
      reveal: () => Promise.resolve(),
    },
    options,
  );
  return {
    ...services,
    startedWorkers,
    end: async () => {
      await services.saves.dispose();
      for (const machine of await services.machines.list())
        if (machine.state !== 'off') await services.machines.powerOff(machine.id);
      await services.dispose();
      // One that was still starting when its save was cancelled stops as soon as it has.
      await Promise.allSettled(starts);
      await Promise.all(startedWorkers.map(({ ended }) => ended));
    },
  };
}

/** Options of a save that differ from the usual ones only in what is given. */
export const saveOptions = (machine: MachineId, change: Partial<SaveOptions> = {}): SaveOptions => ({
  machine,
  name: null,
  note: '',
  mode: 'paused',
  channels: 2,
  directIo: true,
  after: 'run',
  engine: 'auto',
  flush: 'auto',
  releaseEarly: false,
  liveLimitSeconds: 60,
  rateLimit: null,
  out: null,
  ...change,
});

/** Adds a machine and starts it. */
export async function startMachine({ machines }: Services, machine: NewMachine): Promise<Machine> {
  return machines.start((await machines.add(machine)).id);
}

/** Saves and waits for the end. */
export async function saveAndWait({ saves }: Services, options: SaveOptions): Promise<SaveJob> {
  const { id } = await saves.begin(options);
  return saves.finished(id);
}
