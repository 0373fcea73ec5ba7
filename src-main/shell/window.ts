import { setTimeout as sleep } from 'node:timers/promises';
import { BrowserWindow, nativeTheme, screen } from 'electron';
import { minimum, readBounds, writeBounds } from './bounds';

export interface WindowOptions {
  readonly preload: string;
  /** File that remembers the window's bounds. */
  readonly boundsFile: string;
  readonly development: boolean;
}

/** `bg-1` of the two themes, so that nothing flashes before the page paints. */
const background = { dark: '#14171b', light: '#faf9f7' } as const;

/** How long bounds must stay before they are written, in ms: dragging a window makes an event per pixel. */
const settleMs = 500;

/** The one window, not loaded yet; it shows itself when its first picture is ready. */
export async function openWindow({ preload, boundsFile, development }: WindowOptions): Promise<BrowserWindow> {
  const screens = screen.getAllDisplays().map(({ workArea }) => workArea);
  const bounds = await readBounds(boundsFile, screens);
  const window = new BrowserWindow({
    ...(bounds.place ?? {}),
    width: bounds.width,
    height: bounds.height,
    minWidth: minimum.width,
    minHeight: minimum.height,
    show: false,
    title: 'Stillframe',
    autoHideMenuBar: true,
    backgroundColor: nativeTheme.shouldUseDarkColors ? background.dark : background.light,
    webPreferences: {
      preload,
      sandbox: true,
      contextIsolation: true,
      nodeIntegration: false,
      webviewTag: false,
      spellcheck: false,
      devTools: development,
    },
  });
  window.once('ready-to-show', () => {
    if (bounds.maximized) window.maximize();
    window.show();
  });
  rememberBounds(window, boundsFile);
  return window;
}

function rememberBounds(window: BrowserWindow, file: string): void {
  let timer: NodeJS.Timeout | undefined;
  const save = (): void => {
    if (window.isDestroyed() || window.isMinimized() || window.isFullScreen()) return;
    void writeBounds(file, window.getNormalBounds(), window.isMaximized()).catch((error: unknown) => {
      console.error('stillframe: the place of the window cannot be remembered:', error);
    });
  };
  const later = (): void => {
    clearTimeout(timer);
    timer = setTimeout(save, settleMs);
  };
  window.on('resize', later);
  window.on('move', later);
  window.on('maximize', later);
  window.on('unmaximize', later);
  window.on('closed', () => clearTimeout(timer));
}

/** How often a page that crashed is loaded again before it is left alone. */
const maxReloads = 3;
/** The end of a load and the end of its process are told in either order, this many ms apart at most. */
const crashToldMs = 500;
/** Electron does not load into a page whose end it is still telling. */
const reloadAfterMs = 100;

/**
 * Loads the page; rejects when that fails. A page that crashes, also while it loads, is loaded again: saves and VMs live in
 * main and are not touched by it.
 */
export async function loadPage(window: BrowserWindow, url: string): Promise<void> {
  let crashes = 0;
  const load = async (): Promise<void> => {
    const before = crashes;
    await window.loadURL(url).catch(async (error: unknown) => {
      await sleep(crashToldMs);
      if (crashes === before) throw error;
    });
  };
  const loadAgain = async (): Promise<void> => {
    await sleep(reloadAfterMs);
    if (!window.isDestroyed()) await load();
  };
  window.webContents.on('render-process-gone', (_event, { reason, exitCode }) => {
    if (reason === 'clean-exit' || window.isDestroyed()) return;
    console.error(`stillframe: the process of the page ended (${reason}, code ${exitCode})`);
    if ((crashes += 1) > maxReloads) return;
    loadAgain().catch((error: unknown) => console.error('stillframe: the page cannot be loaded again:', error));
  });
  await load();
}
