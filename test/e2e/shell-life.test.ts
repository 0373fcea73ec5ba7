/** Starting, starting twice, and quitting, in real Electron. */
import { spawn } from 'node:child_process';
import { cp, mkdir, readFile, readdir, readlink, rm, symlink, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { AppEvent, Reply } from '@shared/contracts/app';
import type { Machine } from '@shared/contracts/machines';
import type { SaveJob } from '@shared/contracts/saves';
import { appEnv, launchApp, makeAppDirs, type AppDirs, type LaunchedApp } from '../support/electron';
import { endProcess, hasEnded, isAlive } from '../support/processes';
import { removeTempDir } from '../support/temp';

const ROOT = resolve(import.meta.dirname, '../..');
const electron = createRequire(import.meta.url)('electron') as unknown as string;
const sandbox = process.getuid?.() === 0 ? ['--no-sandbox'] : [];

let dirs: AppDirs;
beforeEach(async () => {
  dirs = await makeAppDirs();
});
afterEach(() => removeTempDir(dirs.root));

/** Runs Electron on an app folder until it ends. Killed, with code null, after `limitMs`. */
async function runElectron(appFolder: string, args: readonly string[], limitMs = 60_000) {
  const child = spawn(electron, [...sandbox, appFolder, ...args], { env: appEnv(dirs), cwd: dirs.root });
  let output = '';
  child.stdout.on('data', (chunk: Buffer) => (output += chunk.toString()));
  child.stderr.on('data', (chunk: Buffer) => (output += chunk.toString()));
  const timer = setTimeout(() => child.kill('SIGKILL'), limitMs);
  const code = await new Promise<number | null>((done) => child.once('exit', done));
  clearTimeout(timer);
  return { code, output };
}

/** Memory of a process that is in RAM. */
async function residentMiB(pid: number | null): Promise<number> {
  const status = await readFile(`/proc/${String(pid)}/status`, 'utf8');
  return Number(/VmRSS:\s+(\d+)/.exec(status)?.[1] ?? 0) / 1024;
}

/** Sockets and pipes that a process holds. */
async function connectionsOf(pid: number): Promise<string[]> {
  const folder = `/proc/${pid}/fd`;
  const links = await Promise.all((await readdir(folder)).map((fd) => readlink(join(folder, fd)).catch(() => '')));
  return links.flatMap((link) => /^(socket|pipe):/.exec(link)?.[1] ?? []);
}

async function until(ask: () => Promise<boolean>, what: string, limitMs = 60_000): Promise<void> {
  const deadline = performance.now() + limitMs;
  while (!(await ask())) {
    if (performance.now() > deadline) throw new Error(`waited in vain for ${what}`);
    await sleep(50);
  }
}

describe('a start', () => {
  /** A copy of the built app that may be broken. */
  async function copyOfApp(): Promise<string> {
    const copy = join(dirs.root, 'app');
    await mkdir(copy);
    await cp(join(ROOT, 'out'), join(copy, 'out'), { recursive: true });
    await cp(join(ROOT, 'package.json'), join(copy, 'package.json'));
    await symlink(join(ROOT, 'node_modules'), join(copy, 'node_modules'));
    return copy;
  }

  it('that cannot load its code says so and ends with 1, without a dialog', async () => {
    const copy = await copyOfApp();
    const chunks = join(copy, 'out/main/chunks');
    const [start] = (await readdir(chunks)).filter((name) => /^start-.*\.js$/.test(name));
    await writeFile(join(chunks, start ?? 'none'), `throw new Error('broken on purpose');\n`);
    const { code, output } = await runElectron(copy, []);
    expect(output).toContain('stillframe: the app cannot start.');
    expect(output).toContain('broken on purpose');
    expect(code).toBe(1);
  });

  it('without its page says what is missing and ends with 1', async () => {
    const copy = await copyOfApp();
    await rm(join(copy, 'out/renderer/index.html'));
    const { code, output } = await runElectron(copy, []);
    expect(output).toContain('out/renderer/index.html: a built part of the app is missing');
    expect(code).toBe(1);
  });

  it('with a run folder that others may enter says so and ends with 1', async () => {
    await mkdir(join(dirs.runtime, 'stillframe'), { mode: 0o755 });
    const { code, output } = await runElectron(ROOT, []);
    expect(output).toContain('others may enter it (mode 755)');
    expect(code).toBe(1);
  });
});

describe('a running app', () => {
  let launched: LaunchedApp | undefined;
  const started: number[] = [];
  afterEach(async () => {
    for (const pid of started.splice(0)) await endProcess(pid);
    await launched?.close({ keepDirs: true });
    launched = undefined;
  });

  const inPage = <T>(app: LaunchedApp, expression: string): Promise<T> => app.page.evaluate<T>(expression);
  const call = async <T>(
    app: LaunchedApp,
    service: string,
    method: string,
    ...args: readonly unknown[]
  ): Promise<T> => {
    const asked = [service, method, args].map((part) => JSON.stringify(part)).join(', ');
    const reply = await inPage<Reply>(app, `stillframe.invoke(${asked})`);
    if (!reply.ok) throw new Error(JSON.stringify(reply.failure));
    return reply.value as T;
  };
  const listen = (app: LaunchedApp): Promise<void> =>
    inPage(app, `(globalThis.seen = [], stillframe.onEvent((event) => { seen.push(event); }))`);
  const inspected = async (app: LaunchedApp): Promise<readonly string[]> =>
    (await inPage<AppEvent[]>(app, 'seen')).flatMap((event) =>
      event.kind === 'command' && event.command.name === 'inspect-file' ? [event.command.path] : [],
    );

  it('shows the file that a second start was given, and the second start ends with 0', async () => {
    launched = await launchApp({ dirs });
    await listen(launched);
    const second = await runElectron(ROOT, ['some file.mapped']);
    expect(second.output).toContain('Stillframe is running already');
    expect(second.output).toMatch(/^Stillframe \d+\.\d+\.\d+, Electron \d+\./m);
    expect(second.code).toBe(0);
    const app = launched;
    await until(async () => (await inspected(app)).length > 0, 'the file');
    expect(await inspected(app)).toEqual([join(dirs.root, 'some file.mapped')]);
    expect(launched.app.windows()).toHaveLength(1);
  });

  it('remembers where its window was', async () => {
    launched = await launchApp({ dirs });
    const bounds = { x: 40, y: 50, width: 1111, height: 777 };
    await launched.app.evaluate(
      ({ BrowserWindow }, wanted) => BrowserWindow.getAllWindows()[0]?.setBounds(wanted),
      bounds,
    );
    const file = join(dirs.data, 'stillframe/window.json');
    const written = async (): Promise<boolean> => (await readFile(file, 'utf8').catch(() => '')).includes('1111');
    await until(written, 'the bounds to be written');
    await launched.close({ keepDirs: true });
    launched = await launchApp({ dirs });
    const again = await launched.app.evaluate(({ BrowserWindow }) => BrowserWindow.getAllWindows()[0]?.getBounds());
    expect(again).toEqual(bounds);
  });

  it('loads its page again when the process of the page crashes', async () => {
    launched = await launchApp({ dirs });
    const { app } = launched;
    const pageProcess = (): Promise<number | undefined> =>
      app.evaluate(({ BrowserWindow }) => BrowserWindow.getAllWindows()[0]?.webContents.getOSProcessId());
    const before = await pageProcess();
    await app.evaluate(({ BrowserWindow }) => {
      setTimeout(() => BrowserWindow.getAllWindows()[0]?.webContents.forcefullyCrashRenderer());
    });
    await until(async () => ![before, 0].includes(await pageProcess()), 'another process');
    // What is asked of a page that is just being loaded may never be answered (Electron 33): it is asked again.
    const ask = (): Promise<unknown> =>
      app.evaluate(({ BrowserWindow }) =>
        Promise.race([
          BrowserWindow.getAllWindows()[0]?.webContents.executeJavaScript(`stillframe.invoke('machines', 'list', [])`),
          new Promise((_, reject) => setTimeout(() => reject(new Error('no answer')), 3000)),
        ]),
      );
    await until(async () => (await ask().catch(() => null)) !== null, 'the page');
    expect(await ask()).toEqual({ ok: true, value: [] });
  });

  it.each(['SIGTERM', 'SIGINT'] as const)('ends by itself on %s', async (signal) => {
    launched = await launchApp({ dirs });
    process.kill(launched.pid, signal);
    expect(await hasEnded(launched.pid, 15_000)).toBe(true);
  });

  it('asks before it quits in the middle of a save: keeps saving, or cancels; the VM runs on either way', async () => {
    launched = await launchApp({ dirs });
    const app = launched;
    const demo = { kind: 'demo', memoryMiB: 1280, dirtyMiB: 1024, dirtyMiBPerSecond: 4096 };
    const { id } = await call<Machine>(app, 'machines', 'add', demo);
    const machine = await call<Machine>(app, 'machines', 'start', id);
    if (machine.pid === null) throw new Error('the demo VM has no process');
    started.push(machine.pid);
    // By now it dirties memory as fast as it is written: the save goes on for many passes.
    await until(async () => (await residentMiB(machine.pid)) > 1024, 'the demo VM to fill its memory');
    const job = await call<SaveJob>(app, 'saves', 'begin', {
      machine: id,
      name: 'never finished',
      note: '',
      mode: 'live',
      channels: 1,
      directIo: false,
      after: 'run',
      engine: 'auto',
      flush: 'auto',
      releaseEarly: false,
      liveLimitSeconds: 600,
      rateLimit: null,
      out: null,
    });
    const answer = (button: number): Promise<void> =>
      app.app.evaluate(({ dialog }, index) => {
        const asked = globalThis as { asked?: unknown[] };
        asked.asked = [];
        dialog.showMessageBox = ((_window: unknown, options: unknown) => {
          asked.asked?.push(options);
          return Promise.resolve({ response: index, checkboxChecked: false });
        }) as typeof dialog.showMessageBox;
      }, button);
    const quit = (): Promise<void> => app.app.evaluate(({ app: electronApp }) => electronApp.quit());

    await answer(0);
    await quit();
    const asked = (): Promise<unknown[]> => app.app.evaluate(() => (globalThis as { asked?: unknown[] }).asked ?? []);
    await until(async () => (await asked()).length > 0, 'the question');
    expect(await asked()).toEqual([
      expect.objectContaining({ message: 'Quit and cancel the save?', defaultId: 0, cancelId: 0 }),
    ]);
    const [running] = await call<SaveJob[]>(app, 'saves', 'jobs');
    expect(running).toMatchObject({ id: job.id, outcome: null });

    await answer(1);
    await quit().catch(() => undefined);
    expect(await hasEnded(app.pid, 30_000)).toBe(true);
    expect(await isAlive(machine.pid)).toBe(true);
    // Its two monitors, and nothing of the app's.
    expect(await connectionsOf(machine.pid)).toEqual(['socket', 'socket']);
    const library = join(dirs.data, 'stillframe/library');
    expect((await readdir(library, { recursive: true })).filter((name) => /memory|tmp|never/.test(name))).toEqual([]);
  });
});
