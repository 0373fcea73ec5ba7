/**
 * The renderer's way to main: `app.<service>.<method>(…)` as typed by AppApi, events, live values, and inspectors.
 * Every rejection is a StillframeError.
 */
import { readable, type Readable } from 'svelte/store';
import {
  inspectorPortsTag,
  type AppApi,
  type AppEvent,
  type Bridge,
  type InspectorPortsMessage,
  type InspectorSession,
  type Settings,
} from '@shared/contracts/app';
import type { ConversionJob } from '@shared/contracts/conversions';
import { connect } from '@shared/contracts/endpoint';
import { domWire } from '@shared/contracts/endpoint-wires';
import type { InspectorPorts } from '@shared/contracts/endpoint-worker';
import { StillframeError, fail, type Failure } from '@shared/contracts/failure';
import { inspectorMethods, type Inspector } from '@shared/contracts/inspector';
import type { LibraryOverview } from '@shared/contracts/library';
import type { Machine } from '@shared/contracts/machines';
import type { SaveJob } from '@shared/contracts/saves';

declare global {
  interface Window {
    readonly stillframe: Bridge;
  }
}

// --- calls ---------------------------------------------------------------------------------------------------------

async function call(service: string, method: string, args: readonly unknown[]): Promise<unknown> {
  // Arguments are plain data by contract, but Svelte's $state proxies cannot be cloned: JSON makes plain data of them.
  const plain = JSON.parse(JSON.stringify(args)) as readonly unknown[];
  const reply = await window.stillframe.invoke(service, method, plain);
  if (!reply.ok) throw new StillframeError(reply.failure);
  return reply.value;
}

function service<Name extends keyof AppApi>(name: Name): AppApi[Name] {
  const get = (_target: object, method: string | symbol): unknown =>
    typeof method === 'string' && method !== 'then'
      ? (...args: readonly unknown[]) => call(name, method, args)
      : undefined;
  return new Proxy({}, { get }) as AppApi[Name];
}

export const app: AppApi = {
  machines: service('machines'),
  saves: service('saves'),
  library: service('library'),
  restores: service('restores'),
  conversions: service('conversions'),
  inspector: service('inspector'),
  bookmarks: service('bookmarks'),
  shell: service('shell'),
};

/** The path of a file dropped on the page; null for what has none (a picture dragged from a page). */
export const pathOfDropped = (file: File): string | null => window.stillframe.pathForFile(file) || null;

// --- events --------------------------------------------------------------------------------------------------------

type EventOf<Kind extends AppEvent['kind']> = Extract<AppEvent, { kind: Kind }>;

const listeners = new Set<(event: AppEvent) => void>();
/** Commands that came before anybody listened, e.g. the file the app was started with. */
let earlyCommands: EventOf<'command'>[] = [];
let commandsHeard = false;
let listening = false;

function listen(): void {
  if (listening) return;
  listening = true;
  window.stillframe.onEvent((event) => {
    if (event.kind === 'command' && !commandsHeard) earlyCommands.push(event);
    for (const listener of listeners) listener(event);
  });
}

/** Calls `listener` for every event of one kind until the returned function is called. */
export function on<Kind extends AppEvent['kind']>(kind: Kind, listener: (event: EventOf<Kind>) => void): () => void {
  listen();
  const filtered = (event: AppEvent): void => {
    if (event.kind === kind) listener(event as EventOf<Kind>);
  };
  listeners.add(filtered);
  if (kind === 'command' && !commandsHeard) {
    commandsHeard = true;
    const early = earlyCommands;
    earlyCommands = [];
    queueMicrotask(() => early.forEach(filtered));
  }
  return () => listeners.delete(filtered);
}

// --- live values ---------------------------------------------------------------------------------------------------

/** A value that main sends whole when it changes, asked for once at the start; null until it is known. */
function live<T>(ask: () => Promise<T>, watch: (set: (value: T) => void) => () => void): Readable<Live<T>> {
  return readable<Live<T>>({ value: null, failure: null }, (set) => {
    let told = false;
    const stop = watch((value) => {
      told = true;
      set({ value, failure: null });
    });
    ask().then(
      (value) => told || set({ value, failure: null }),
      (error: unknown) => told || set({ value: null, failure: asFailure(error) }),
    );
    return stop;
  });
}

/** `failure` says why there is no value; both are null while it is being asked for. */
export interface Live<T> {
  readonly value: T | null;
  readonly failure: Failure | null;
}

const asFailure = (error: unknown): Failure =>
  error instanceof StillframeError
    ? error.failure
    : fail('internal', 'asking main', String(error), 'Report this.').failure;

/** Newest first; a job that main tells about takes the place of its older form. */
const withJob = <Job extends { readonly id: string }>(jobs: readonly Job[], job: Job): readonly Job[] =>
  jobs.some(({ id }) => id === job.id) ? jobs.map((old) => (old.id === job.id ? job : old)) : [job, ...jobs];

/** Jobs that run and those that ended since the app started: asked for once, then kept up by events. */
function liveJobs<Job extends { readonly id: string }>(
  ask: () => Promise<readonly Job[]>,
  watch: (see: (job: Job) => void) => () => void,
): Readable<readonly Job[]> {
  return readable<readonly Job[]>([], (set) => {
    let known: readonly Job[] = [];
    const stop = watch((job) => set((known = withJob(known, job))));
    void ask().then((first) => {
      const newer = new Map(known.map((job) => [job.id, job]));
      const older = first.map((job) => newer.get(job.id) ?? job);
      const added = known.filter(({ id }) => !first.some((job) => job.id === id));
      set((known = [...added, ...older]));
    });
    return stop;
  });
}

export const machines: Readable<Live<readonly Machine[]>> = live(
  () => app.machines.list(),
  (set) => on('machines', (event) => set(event.machines)),
);

export const library: Readable<Live<LibraryOverview>> = live(
  () => app.library.overview(),
  (set) => on('library', (event) => set(event.overview)),
);

export const settings: Readable<Live<Settings>> = live(
  () => app.shell.settings(),
  (set) => on('settings', (event) => set(event.settings)),
);

/** Saves. */
export const jobs: Readable<readonly SaveJob[]> = liveJobs(
  () => app.saves.jobs(),
  (see) => on('save', ({ job }) => see(job)),
);

/** Conversions. */
export const conversions: Readable<readonly ConversionJob[]> = liveJobs(
  () => app.conversions.jobs(),
  (see) => on('conversion', ({ job }) => see(job)),
);

// --- inspectors ----------------------------------------------------------------------------------------------------

const portsWaiting = new Map<string, InspectorPorts<MessagePort>>();
const portsWanted = new Map<string, (ports: InspectorPorts<MessagePort>) => void>();

window.addEventListener('message', (event: MessageEvent<unknown>) => {
  const [page, painter] = event.ports;
  if (event.source !== window || page === undefined || painter === undefined || !isPortsMessage(event.data)) return;
  const { session } = event.data;
  const wanted = portsWanted.get(session);
  portsWanted.delete(session);
  if (wanted) wanted([page, painter]);
  else portsWaiting.set(session, [page, painter]);
});

const isPortsMessage = (data: unknown): data is InspectorPortsMessage =>
  typeof data === 'object' && data !== null && 'kind' in data && data.kind === inspectorPortsTag && 'session' in data;

/** The ports of a session come by another way than the session itself: either may be first. */
function portsOf(session: string): Promise<InspectorPorts<MessagePort>> {
  const ports = portsWaiting.get(session);
  portsWaiting.delete(session);
  return ports ? Promise.resolve(ports) : new Promise((resolve) => portsWanted.set(session, resolve));
}

/** A file open for looking into. */
export interface OpenInspector {
  readonly session: InspectorSession;
  /** Calls go to the session's own worker, not through main. */
  readonly api: Inspector;
  /** A second way to it, for a painter to ask by; nothing has been sent on it. */
  readonly painterPort: MessagePort;
  readonly bookmarks: AppApi['bookmarks'];
  /** Resolves when the worker is gone before `close`; opening the file again starts another. */
  readonly ended: Promise<Failure>;
  close(): Promise<void>;
}

/** Opens a file and connects to the worker that reads it. */
export async function openInspector(target: Parameters<AppApi['inspector']['open']>[0]): Promise<OpenInspector> {
  const session = await app.inspector.open(target);
  const [port, painterPort] = await portsOf(session.id);
  const connection = connect<Inspector>(domWire(port), inspectorMethods);
  let stop: () => void = () => undefined;
  const ended = new Promise<Failure>((resolve) => {
    stop = on('inspector-ended', (event) => {
      if (event.session !== session.id) return;
      stop();
      connection.end(event.failure);
      resolve(event.failure);
    });
  });
  const close = async (): Promise<void> => {
    stop();
    connection.close();
    // Of a port that a painter has this closes nothing: it was closed with the painter.
    painterPort.close();
    await app.inspector.close(session.id);
  };
  return { session, api: connection.api, painterPort, bookmarks: app.bookmarks, ended, close };
}
