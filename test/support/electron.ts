import { appendFile, mkdir } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { _electron, type ElectronApplication, type Page } from 'playwright-core';
import { endProcess, hasEnded } from './processes';
import { makeTempDir, removeTempDir } from './temp';

const ROOT = resolve(import.meta.dirname, '../..');
/** A start that shows no window for this long is given up; it was seen about once in forty starts. */
const START_LIMIT_MS = 60_000;
const RESIZE_LIMIT_MS = 10_000;

/** The folders that the app takes for the user's. All of them are below `root`. */
export interface AppDirs {
  readonly root: string;
  readonly home: string;
  readonly data: string;
  readonly config: string;
  readonly cache: string;
  readonly runtime: string;
}

export interface LaunchOptions {
  readonly env?: Readonly<Record<string, string>>;
  readonly args?: readonly string[];
  /** Start again on what an earlier `LaunchedApp` left (its `close` must have been told to keep it). */
  readonly dirs?: AppDirs;
  /** Size of the window's content. */
  readonly size?: { readonly width: number; readonly height: number };
}

export interface LaunchedApp {
  readonly app: ElectronApplication;
  readonly page: Page;
  readonly dirs: AppDirs;
  readonly pid: number;
  /** Everything the app's processes wrote to stdout and stderr so far. */
  output(): string;
  /** What the page logged as an error, and exceptions nobody caught there. */
  pageErrors(): readonly string[];
  close(options?: { readonly keepDirs?: boolean }): Promise<void>;
}

export async function makeAppDirs(): Promise<AppDirs> {
  const root = await makeTempDir('sf-app');
  const dirs: AppDirs = {
    root,
    home: join(root, 'home'),
    data: join(root, 'data'),
    config: join(root, 'config'),
    cache: join(root, 'cache'),
    runtime: join(root, 'run'),
  };
  for (const dir of [dirs.home, dirs.data, dirs.config, dirs.cache, dirs.runtime]) await mkdir(dir, { mode: 0o700 });
  return dirs;
}

/** The environment that sends the app, and the `stillframe` command, to `dirs`. */
export function appEnv(dirs: AppDirs, more: Readonly<Record<string, string>> = {}): Record<string, string> {
  const inherited = Object.entries(process.env).filter(
    (entry): entry is [string, string] =>
      entry[1] !== undefined && !/^(ELECTRON_|NODE_OPTIONS$|VITEST|VITE_)/.test(entry[0]),
  );
  return {
    ...Object.fromEntries(inherited),
    HOME: dirs.home,
    XDG_DATA_HOME: dirs.data,
    XDG_CONFIG_HOME: dirs.config,
    XDG_CACHE_HOME: dirs.cache,
    XDG_RUNTIME_DIR: dirs.runtime,
    LANG: 'C.UTF-8',
    TZ: 'UTC',
    ...more,
  };
}

/**
 * Starts the built app (`out/`) in real Electron on folders of its own and waits for its window. A start without a window
 * is tried once more, and `npm test` names it in its summary.
 */
export async function launchApp(options: LaunchOptions = {}): Promise<LaunchedApp> {
  const dirs = options.dirs ?? (await makeAppDirs());
  try {
    return await launchOnce(dirs, options);
  } catch (error) {
    const reason = error instanceof Error ? (error.message.split('\n')[0] ?? '') : String(error);
    await reportRetry(`Electron was started a second time: ${reason}`);
  }
  try {
    return await launchOnce(dirs, options);
  } catch (error) {
    if (options.dirs === undefined) await removeTempDir(dirs.root);
    throw error;
  }
}

async function launchOnce(dirs: AppDirs, options: LaunchOptions): Promise<LaunchedApp> {
  const executablePath = createRequire(import.meta.url)('electron') as string;
  const app = await _electron.launch({
    executablePath,
    args: [...(process.getuid?.() === 0 ? ['--no-sandbox'] : []), ROOT, ...(options.args ?? [])],
    env: appEnv(dirs, options.env),
    timeout: START_LIMIT_MS,
  });
  const child = app.process();
  const { pid } = child;
  if (pid === undefined) throw new Error('Electron has no process id');
  const output: string[] = [];
  child.stdout?.on('data', (chunk: Buffer) => output.push(chunk.toString()));
  child.stderr?.on('data', (chunk: Buffer) => output.push(chunk.toString()));
  try {
    const page = await app.firstWindow({ timeout: START_LIMIT_MS });
    const pageErrors = watchErrors(page);
    if (options.size) await resizeContent(app, page, options.size);
    const close: LaunchedApp['close'] = async ({ keepDirs = false } = {}) => {
      await closeApp(app, pid);
      if (!keepDirs) await removeTempDir(dirs.root);
    };
    return { app, page, dirs, pid, output: () => output.join(''), pageErrors: () => pageErrors, close };
  } catch (error) {
    await endProcess(pid);
    throw new Error(`${error instanceof Error ? error.message : String(error)}\n${output.join('')}`, { cause: error });
  }
}

function watchErrors(page: Page): readonly string[] {
  const seen: string[] = [];
  page.on('pageerror', (error) => seen.push(String(error)));
  page.on('console', (message) => {
    if (message.type() === 'error') seen.push(message.text());
  });
  return seen;
}

/** Makes the page exactly `size`, as the pictures of the design are. */
async function resizeContent(app: ElectronApplication, page: Page, size: { width: number; height: number }) {
  const { width, height } = size;
  const window = await app.browserWindow(page);
  await window.evaluate(
    (target: { setContentSize(width: number, height: number): void }, wanted) =>
      target.setContentSize(wanted.width, wanted.height),
    { width, height },
  );
  const deadline = performance.now() + RESIZE_LIMIT_MS;
  // Asked from here: the page's policy forbids the `eval` that Playwright's waitForFunction needs inside the page.
  while ((await page.evaluate<string>('`${innerWidth}x${innerHeight}`')) !== `${width}x${height}`) {
    if (performance.now() > deadline) throw new Error(`the window did not become ${width} × ${height}`);
    await sleep(50);
  }
}

async function closeApp(app: ElectronApplication, pid: number): Promise<void> {
  const closing = app.close().catch(() => undefined);
  if (!(await hasEnded(pid, 15_000))) await endProcess(pid);
  await closing;
}

async function reportRetry(text: string): Promise<void> {
  console.warn(text);
  const file = process.env['STILLFRAME_TEST_NOTES'];
  if (file !== undefined) await appendFile(file, `${text}\n`);
}
