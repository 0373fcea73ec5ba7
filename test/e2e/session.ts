/** The app on folders of its own, asked the way the page asks, and left with none of its VMs running. */
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Locator, Page } from 'playwright-core';
import type { Reply } from '@shared/contracts/app';
import type { LibraryOverview, SnapshotEntry } from '@shared/contracts/library';
import type { Machine, NewMachine } from '@shared/contracts/machines';
import type { SaveJob, SaveOptions } from '@shared/contracts/saves';
import { launchApp, type LaunchedApp } from '../support/electron';
import { endProcess } from '../support/processes';

export interface Session extends LaunchedApp {
  /** A call of AppApi as the page makes it; throws the sentence of a failure. */
  ask<T>(service: string, method: string, ...args: readonly unknown[]): Promise<T>;
  machine(name: string): Promise<Machine>;
  /** Adds and starts a machine, and waits until its firmware has handed over to the guest or given up. */
  begin(machine: NewMachine): Promise<Machine>;
  /** Saves to the end without the dialog. */
  save(machine: Machine, name: string, over?: Partial<SaveOptions>): Promise<SaveJob>;
  entry(name: string): Promise<SnapshotEntry>;
  readonly libraryFolder: string;
  card(name: string): Locator;
  /** Puts a path into the system's file dialog instead of a person. */
  choose(path: string): Promise<void>;
  resize(size: { readonly width: number; readonly height: number }): Promise<void>;
  end(): Promise<void>;
}

export const GUEST_READY_MS = 20_000;

export async function openSession(size = { width: 1280, height: 800 }): Promise<Session> {
  const launched = await launchApp({ size });
  const { page } = launched;
  const pids = new Set<number>();

  async function ask<T>(service: string, method: string, ...args: readonly unknown[]): Promise<T> {
    const reply = await page.evaluate<Reply>(
      `stillframe.invoke(${JSON.stringify(service)}, ${JSON.stringify(method)}, ${JSON.stringify(args)})`,
    );
    if (!reply.ok) throw new Error(`${service}.${method}: ${JSON.stringify(reply.failure)}`);
    return reply.value as T;
  }

  async function list(): Promise<readonly Machine[]> {
    const machines = await ask<readonly Machine[]>('machines', 'list');
    for (const { pid, origin } of machines) if (pid !== null && origin === 'started') pids.add(pid);
    return machines;
  }

  async function machine(name: string): Promise<Machine> {
    const found = (await list()).find((known) => known.name === name);
    if (found === undefined) throw new Error(`no machine is called ${name}`);
    return found;
  }

  return {
    ...launched,
    ask,
    machine,
    libraryFolder: join(launched.dirs.data, 'stillframe', 'library'),
    card: (name) => page.locator('[data-machine]').filter({ has: page.getByRole('heading', { name, exact: true }) }),
    begin: async (made) => {
      const { id, name } = await ask<Machine>('machines', 'add', made);
      await ask('machines', 'start', id);
      await eventually(`${name} shows a picture`, async () => (await machine(name)).frame !== null, GUEST_READY_MS);
      return machine(name);
    },
    save: async ({ id }, name, over = {}) => {
      const options: SaveOptions = { ...saveOptions(id, name), ...over };
      const begun = await ask<SaveJob>('saves', 'begin', options);
      let job = begun;
      await eventually(
        `the save ${name} ends`,
        async () => {
          job = (await ask<readonly SaveJob[]>('saves', 'jobs')).find((other) => other.id === begun.id) ?? begun;
          return job.outcome !== null;
        },
        60_000,
      );
      return job;
    },
    entry: async (name) => {
      const { entries } = await ask<LibraryOverview>('library', 'overview');
      const found = entries.find((entry) => entry.name === name);
      if (found === undefined) throw new Error(`nothing in the library is called ${name}`);
      return found;
    },
    choose: (path) =>
      launched.app.evaluate(({ dialog }, chosen) => {
        dialog.showOpenDialog = () => Promise.resolve({ canceled: false, filePaths: [chosen] });
      }, path),
    resize: async (wanted) => {
      await launched.app.evaluate(
        ({ BrowserWindow }, { width, height }) => {
          BrowserWindow.getAllWindows()[0]?.setContentSize(width, height);
        },
        { width: wanted.width, height: wanted.height },
      );
      await eventually(
        'the window has its size',
        async () => (await page.evaluate<number>('innerWidth')) === wanted.width,
      );
      await settle();
    },
    end: async () => {
      await list().catch(() => []);
      for (const pid of pids) await endProcess(pid, 0);
      await launched.close();
    },
  };
}

/** A live save over two channels that leaves the VM running. */
const saveOptions = (machine: Machine['id'], name: string): SaveOptions => ({
  machine,
  name,
  note: '',
  mode: 'live',
  channels: 2,
  directIo: true,
  after: 'run',
  engine: 'auto',
  flush: 'auto',
  releaseEarly: false,
  liveLimitSeconds: 60,
  rateLimit: null,
  out: null,
});

/** A guest that dirties its memory as fast as it can, so that a live save takes several passes. */
export const BUSY: NewMachine = { kind: 'demo', memoryMiB: 1024, dirtyMiB: 1000, dirtyMiBPerSecond: 0 };
export const SMALL: NewMachine = { kind: 'demo', memoryMiB: 64, dirtyMiB: 16, dirtyMiBPerSecond: 4 };

/** Opens a part of a form that is shut at first, unless it was left open. */
export async function openPart(form: Locator, name: string): Promise<void> {
  const button = form.getByRole('button', { name, exact: true });
  await button.waitFor();
  if ((await button.getAttribute('aria-expanded')) !== 'true') await button.click();
}

/** Text of elements, with every run of white space as one space. */
export async function textOf(locator: Locator): Promise<string> {
  return (await locator.innerText()).replace(/\s+/g, ' ').trim();
}

/** What assistive technology would find no name for: buttons, fields and pictures. */
export function nameless(page: Page): Promise<string[]> {
  return page.evaluate<string[]>(`
    [...document.querySelectorAll('button, input, textarea, [role=radiogroup], [role=group], img, svg[role=img]')]
      .filter((element) => element.checkVisibility())
      .filter((element) => {
        const labels = element.labels ? [...element.labels].map((label) => label.textContent).join('') : '';
        const name = element.getAttribute('aria-label') ?? element.getAttribute('alt') ?? (labels || element.textContent);
        return name.trim() === '';
      })
      .map((element) => element.outerHTML.slice(0, 120))`);
}

/** Asks every 25 ms until it holds; throws with `what` when it does not within `limitMs`. */
export async function eventually(what: string, holds: () => Promise<boolean>, limitMs = 15_000): Promise<void> {
  const deadline = performance.now() + limitMs;
  while (!(await holds())) {
    if (performance.now() > deadline) throw new Error(`not within ${limitMs} ms: ${what}`);
    await sleep(25);
  }
}

/** Waits until the page has drawn what it was told. */
export const settle = (): Promise<void> => sleep(150);
