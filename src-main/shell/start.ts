/** The app from its first line to its window: the order in which things are made, and nothing else. */
import { access } from 'node:fs/promises';
import { join } from 'node:path';
import { MessageChannelMain, app, dialog, shell, type BrowserWindow } from 'electron';
import type { AppApi, AppCommand } from '@shared/contracts/app';
import { fail } from '@shared/contracts/failure';
import { createServices } from '../compose';
import { moveToTrash } from '../files/trash';
import { dataFolder, findPlaces } from '../places';
import type { Places, Services } from '../services';
import { createWorkerPool } from '../workers/pool';
import { fileArgument } from './arguments';
import { channels } from './channels';
import { createInspectors, type Inspectors } from './inspectors';
import { openIpc, type Events } from './ipc';
import { installMenu } from './menu';
import { tellChanges } from './notices';
import { lockContents, lockSession, origin } from './policy';
import { guardQuit } from './quit';
import { registerScheme, serveScheme } from './scheme';
import { openSettings } from './settings';
import { createShellApi, followTheme, versionLine } from './shell-api';
import { startUtilityWorker } from './utility-worker';
import { loadPage, openWindow } from './window';

/** Where the built parts are. */
export interface Built {
  readonly worker: string;
  readonly preload: string;
  readonly page: string;
  readonly resources: string;
}

/** What a second start hands to the first. */
interface Handover {
  readonly file: string | null;
}

/** Everything that must be done before Electron is ready; `onFailure` gets what goes wrong after that. */
export function start(built: Built, onFailure: (error: unknown) => void): void {
  registerScheme();
  lockContents();
  // Chromium's own files: apart from ours, and tied to the data folder, so that each has one running app.
  app.setPath('userData', join(dataFolder(process.env), 'window'));
  const file = fileArgument(process.argv, app.getAppPath(), app.isPackaged, process.cwd());
  if (!app.requestSingleInstanceLock({ file } satisfies Handover)) {
    process.stdout.write('Stillframe is running already; its window comes to the front.\n');
    app.exit(0);
    return;
  }
  app
    .whenReady()
    .then(() => open(built, file))
    .catch(onFailure);
}

async function open(built: Built, file: string | null): Promise<void> {
  const page = pageUrl();
  const pageOrigin = page.startsWith(origin) ? origin : new URL(page).origin;
  if (pageOrigin === origin) await checkBuilt(built);
  const places = await findPlaces({ resources: built.resources, env: process.env });
  const services = await createServices({
    places,
    startWorker: (purpose) => startUtilityWorker(built.worker, purpose),
    // Electron's way calls no file function on this thread; it needs `gio`, which not every system has.
    trash: (path) => shell.trashItem(path).catch(() => moveToTrash(path)),
    reveal: (path) => {
      shell.showItemInFolder(path);
      return Promise.resolve();
    },
  });
  const settings = await openSettings(join(places.data, 'settings.json'));
  followTheme(settings);
  lockSession(pageOrigin);
  serveScheme(built.page, {
    frame: (machine) => services.machines.framePath(machine as Parameters<typeof services.machines.framePath>[0]),
    screen: (snapshot) => services.library.screenPath(snapshot as Parameters<typeof services.library.screenPath>[0]),
  });

  const window = await openWindow({
    preload: built.preload,
    boundsFile: join(places.data, 'window.json'),
    development: !app.isPackaged,
  });
  const inspections = makeInspectors(built, services, window);
  const { machines, saves, library, restores, conversions, bookmarks } = services;
  const shellApi = createShellApi({
    window,
    settings,
    libraryFolder: places.library,
    onChoosing: (purpose) => {
      if (purpose === 'inspect') inspections.prepare();
    },
  });
  const api: AppApi = {
    machines,
    saves,
    library,
    restores,
    conversions,
    inspector: inspections.inspectors,
    bookmarks,
    shell: shellApi,
  };
  const events = openIpc(window, api, pageOrigin);
  inspections.tell(events);
  tellChanges(
    services,
    (listener) => settings.onChange(listener),
    (event) => events.emit(event),
  );

  const command = (given: AppCommand): void => events.emit({ kind: 'command', command: given });
  const inspectFile = (path: string): void => command({ name: 'inspect-file', path });
  installMenu(
    { command, openFile: () => void chooseAndInspect(shellApi, inspectFile), about: () => about(window, places) },
    !app.isPackaged,
  );
  app.on('second-instance', (_event, _argv, _cwd, data) => {
    bringToFront(window);
    const handed = handedFile(data);
    if (handed !== null) inspectFile(handed);
  });
  guardQuit({
    window,
    running: async () => ({
      saves: (await saves.jobs()).flatMap(({ outcome, machineName }) => (outcome === null ? [machineName] : [])),
      conversions: (await conversions.jobs()).flatMap(({ outcome, name }) => (outcome === null ? [name] : [])),
    }),
    dispose: async () => {
      await inspections.dispose();
      await services.dispose();
    },
  });
  if (file !== null) inspectFile(file);
  await loadPage(window, page);
}

/** The development server's page only in development: a packaged app shows what it was built with. */
function pageUrl(): string {
  const development = process.env['ELECTRON_RENDERER_URL'];
  if (!app.isPackaged && development !== undefined && development !== '') return development;
  return `${origin}/index.html`;
}

async function checkBuilt({ page, preload, worker }: Built): Promise<void> {
  for (const path of [join(page, 'index.html'), preload, worker]) {
    await access(path).catch((cause: unknown) => {
      throw fail('file.not-found', 'starting', 'a built part of the app is missing', 'Run npm run build.', {
        where: { path },
        cause,
      });
    });
  }
}

/** By then the window is there, and an Inspector that was opened shows its first rows. */
const WARM_AFTER_MS = 1500;

/** Inspectors have workers of their own, and one in waiting: opening a file is what a person waits for. */
function makeInspectors(
  built: Built,
  services: Services,
  window: BrowserWindow,
): { readonly inspectors: Inspectors; prepare(): void; tell(events: Events): void; dispose(): Promise<void> } {
  const pool = createWorkerPool((purpose) => startUtilityWorker(built.worker, purpose), {
    warm: true,
    pauseMs: WARM_AFTER_MS,
  });
  let events: Events | null = null;
  const inspectors = createInspectors({
    services,
    takeWorker: () => pool.take('inspector'),
    makeChannel: () => new MessageChannelMain(),
    sendPorts: (session, ports) => window.webContents.postMessage(channels.inspectorPorts, session, [...ports]),
    onEnded: (session, failure) => events?.emit({ kind: 'inspector-ended', session, failure }),
  });
  window.webContents.on('did-navigate', () => void inspectors.closeAll());
  window.webContents.on('render-process-gone', () => void inspectors.closeAll());
  return {
    inspectors,
    prepare: () => pool.prepare(),
    tell: (given) => (events = given),
    dispose: async () => {
      await inspectors.closeAll();
      await pool.dispose();
    },
  };
}

async function chooseAndInspect(shellApi: AppApi['shell'], inspectFile: (path: string) => void): Promise<void> {
  const path = await shellApi.chooseFile('inspect');
  if (path !== null) inspectFile(path);
}

function bringToFront(window: BrowserWindow): void {
  if (window.isMinimized()) window.restore();
  window.show();
  window.focus();
}

function handedFile(data: unknown): string | null {
  return typeof data === 'object' && data !== null && 'file' in data && typeof data.file === 'string'
    ? data.file
    : null;
}

function about(window: BrowserWindow, places: Places): void {
  const detail = `${versionLine()}\nLibrary: ${places.library}\nData: ${places.data}`;
  void dialog.showMessageBox(window, { type: 'info', message: 'Stillframe', detail, buttons: ['Close'] });
}
