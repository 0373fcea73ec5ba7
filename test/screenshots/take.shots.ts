/** Pictures of the app for README and for laying beside the design, in both themes and both sizes. */
import { mkdir } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, it } from 'vitest';
import type { LibraryOverview } from '@shared/contracts/library';
import type { SaveJob, SaveOptions } from '@shared/contracts/saves';
import { eventually, openPart, openSession, settle, type Session } from '../e2e/session';
import { setTheScene, type Scene } from './scene';

const FOLDER = resolve(import.meta.dirname, '../../docs/screenshots');
const SIZES = [
  { width: 1280, height: 800 },
  { width: 1920, height: 1080 },
] as const;
type Size = (typeof SIZES)[number];
const TOASTS_GONE_MS = 8000;
const TRIES = 8;

let session: Session;
let scene: Scene;
beforeAll(async () => {
  await mkdir(FOLDER, { recursive: true });
  session = await openSession();
  // Colours change at once, so that no picture catches them half-way.
  await session.page.emulateMedia({ reducedMotion: 'reduce' });
  scene = await setTheScene(session);
  await session.page.getByText('web01').waitFor();
  await sleep(TOASTS_GONE_MS);
});
afterAll(async () => {
  await scene?.end();
  await session?.end();
});

/** Both themes of what is shown, one right after the other. */
async function picture(name: string, size: Size): Promise<void> {
  for (const theme of ['dark', 'light'] as const) {
    await session.page.evaluate(`void (document.documentElement.dataset.theme = '${theme}')`);
    await sleep(120);
    await session.page.screenshot({ path: join(FOLDER, `${name}-${theme}-${size.width}.png`) });
  }
}

async function beginSave(name: string, over: Partial<SaveOptions> = {}): Promise<SaveJob> {
  return session.ask<SaveJob>('saves', 'begin', {
    machine: scene.build.id,
    name,
    note: '',
    mode: 'live',
    channels: 2,
    directIo: true,
    after: 'run',
    engine: 'auto',
    flush: 'auto',
    releaseEarly: false,
    liveLimitSeconds: 120,
    rateLimit: null,
    out: null,
    ...over,
  });
}

const jobNow = async (id: SaveJob['id']): Promise<SaveJob | undefined> =>
  (await session.ask<readonly SaveJob[]>('saves', 'jobs')).find((job) => job.id === id);

/** Leaves nothing of a save, whether it was still running or done. */
async function undo({ id, name }: SaveJob): Promise<void> {
  await session.ask('saves', 'cancel', id);
  const { entries } = await session.ask<LibraryOverview>('library', 'overview');
  const saved = entries.find((entry) => entry.name === name);
  if (saved !== undefined) await session.ask('library', 'moveToTrash', saved.id);
}

/** Begins saves until one is still writing when its pictures are taken. */
async function whileWriting(job: () => Promise<SaveJob>, ready: (job: SaveJob) => boolean, take: () => Promise<void>) {
  for (let tried = 0; tried < TRIES; tried += 1) {
    const begun = await job();
    await eventually('it is far enough', async () => {
      const now = await jobNow(begun.id);
      return now !== undefined && (now.outcome !== null || ready(now));
    });
    await take();
    const writing = (await jobNow(begun.id))?.progress.phase === 'writing';
    await undo(begun);
    if (writing) return;
  }
  throw new Error(`no save was caught writing in ${TRIES} tries`);
}

it.each(SIZES)('Machines, $width px', async (size) => {
  await session.resize(size);
  await session.page.keyboard.press('Alt+1');
  await whileWriting(
    () => beginSave('before-llvm-21'),
    ({ progress }) => progress.bytesWritten > 600e6,
    async () => {
      await session.card('stillframe-demo').focus();
      await picture('machines', size);
    },
  );
});

it.each(SIZES)('Save progress, $width px', async (size) => {
  await session.resize(size);
  await whileWriting(
    async () => {
      const job = await beginSave('before-llvm-21');
      await session.page.getByRole('button', { name: `Save ${scene.build.name}` }).click();
      return job;
    },
    ({ progress }) => progress.pass >= 2,
    () => picture('save-progress', size),
  );
  await session.page.keyboard.press('Alt+1');
});

it.each(SIZES)('Save dialog with its engines, $width px', async (size) => {
  await session.resize(size);
  await session.page.keyboard.press('Alt+1');
  await session.card(scene.build.name).getByRole('button', { name: 'Save…' }).click();
  const dialog = session.page.getByRole('dialog');
  await dialog.getByLabel('Name').fill('before-llvm-21');
  await dialog.getByRole('radio', { name: 'Paused', exact: true }).click();
  await openPart(dialog, 'Engine and flush');
  await settle();
  await picture('save-dialog', size);
  await session.page.keyboard.press('Escape');
  await dialog.waitFor({ state: 'detached' });
});

it.each(SIZES)('Save by channels, $width px', async (size) => {
  await session.resize(size);
  await whileWriting(
    async () => {
      const job = await beginSave('before-llvm-21', { mode: 'paused', engine: 'channels', channels: 4 });
      await session.page.getByRole('button', { name: `Save ${scene.build.name}` }).click();
      return job;
    },
    ({ progress }) => progress.bytesWritten > 500e6,
    () => picture('save-channels', size),
  );
  await session.page.keyboard.press('Alt+1');
});

it.each(SIZES)('Library, $width px', async (size) => {
  await session.resize(size);
  await session.page.keyboard.press('Alt+2');
  await session.page.getByRole('radio', { name: 'By machine' }).click();
  await session.page.getByRole('option', { name: /^before-full-upgrade/ }).click();
  await session.page.getByText('Check again').waitFor();
  await settle();
  await picture('library', size);
});

it.each(SIZES)('Inspector, $width px', async (size) => {
  await session.resize(size);
  await session.page.keyboard.press('Alt+2');
  await session.page.getByRole('option', { name: /^demo-counting/ }).focus();
  await session.page.keyboard.press('i');
  await session.page.locator('[data-view=inspector] [data-from]').first().waitFor();
  await sleep(1000);
  await picture('inspector', size);
});
