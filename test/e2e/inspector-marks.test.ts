/** Bookmarks and several open files in the real app, by keys. */
import { mkdir } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { runCli } from '../support/cli';
import { appEnv, launchApp, type LaunchedApp } from '../support/electron';
import { makeGuestFile } from '../support/guest-file';
import { makeTempDir, removeTempDir } from '../support/temp';
import { until } from '../support/until';
import { axeViolations } from './axe';

const SCREENS = resolve(import.meta.dirname, '../../test-results/screens');
const PAGE = 4096;

let app: LaunchedApp;
let folder: string;
let pagesOffset: number;
const path = (name: string): string => join(folder, name);

beforeAll(async () => {
  folder = await makeTempDir();
  for (const [name, fill] of [
    ['first.mapped', 0x41],
    ['second.mapped', 0x42],
  ] as const) {
    const image = new Uint8Array(16 * PAGE).fill(fill, 0, 4 * PAGE);
    const absent = (page: number): boolean => page >= 4;
    const file = await makeGuestFile(path(name), [{ name: 'pc.ram', image, pageSize: PAGE, absent }]);
    pagesOffset = file.pagesOffset.get('pc.ram') ?? 0;
  }
  app = await launchApp({ args: [path('first.mapped')], size: { width: 1920, height: 1080 } });
  await mkdir(SCREENS, { recursive: true });
  await shows('first.mapped');
});
afterAll(async () => {
  await app?.close();
  await removeTempDir(folder);
});

const inPage = <T>(expression: string): Promise<T> => app.page.evaluate<T>(expression);
const press = async (...keys: readonly string[]): Promise<void> => {
  for (const key of keys) await app.page.keyboard.press(key);
};
const texts = (selector: string): Promise<string[]> =>
  inPage(
    `[...document.querySelectorAll(${JSON.stringify(selector)})].map((one) => one.textContent.replace(/\\s+/g, ' ').trim())`,
  );
const shows = (name: string): Promise<void> =>
  until(`${name} is shown`, async () => (await texts('.inspector h1'))[0] === name);
const cursorIs = (offset: number): Promise<void> =>
  until(`the cursor is at ${offset}`, async () => {
    const [text = ''] = await texts('.place.offset .value');
    return Number.parseInt(text.replaceAll(' ', ''), 16) === offset;
  });
async function goTo(offset: number): Promise<void> {
  await app.page.focus('#inspector-bytes');
  await press('g');
  await app.page.keyboard.type(`0x${offset.toString(16)}`);
  await press('Enter');
  await cursorIs(offset);
  await app.page.focus('#inspector-bytes');
}
/** The dialog has this title, and its first field the focus. */
const asks = (title: string): Promise<void> =>
  until(
    `the dialog says “${title}”`,
    async () =>
      (await texts('dialog h2')).includes(title) &&
      (await inPage<string>('document.activeElement.tagName')) === 'INPUT',
  );
const rail = (): Promise<string[]> => texts('nav[aria-label="Rooms"] .text');
const list = async (): Promise<unknown> => {
  const answer = await runCli(['bookmarks', path('first.mapped'), '--json'], { env: appEnv(app.dirs), cwd: folder });
  return answer.json();
};

describe('a bookmark', () => {
  it('is made of what is selected, named and noted by keys, and kept', async () => {
    await goTo(pagesOffset + PAGE + 16);
    for (let byte = 0; byte < 9; byte += 1) await press('Shift+ArrowRight');
    await press('b');
    await asks('Bookmark this place?');
    await app.page.keyboard.type('first one');
    await press('Tab');
    await app.page.keyboard.type('a note');
    await press('Tab', 'Tab');
    await press('Enter');
    await until('it is in the rail', async () => (await rail()).includes('first one'));
    expect(await list()).toEqual({
      bookmarks: [{ offset: pagesOffset + PAGE + 16, length: 10, name: 'first one', note: 'a note' }],
    });
  });

  it('shows its note where the cursor is in it, and leads back from elsewhere', async () => {
    await goTo(3);
    expect(await texts('[aria-label="Bookmark"]')).toEqual([]);
    await app.page.focus('nav [title="first one"]');
    await press('Enter');
    await cursorIs(pagesOffset + PAGE + 16);
    expect((await texts('[aria-label="Bookmark"]'))[0]).toContain('a note');
    expect(await texts('.note .bookmark')).toEqual(['first one']);
    await app.page.screenshot({ path: join(SCREENS, 'inspector-bookmark.png') });
    for (const part of ['nav[aria-label="Rooms"]', '[aria-label="Bookmark"]']) {
      expect(await axeViolations(app.page, part)).toEqual([]);
    }
  });

  it('is renamed, and removed', async () => {
    await app.page.focus('#inspector-bytes');
    await press('b');
    await asks('Bookmark first one');
    await app.page.keyboard.type('another name');
    await press('Enter');
    await until('it has its new name', async () => (await rail()).includes('another name'));
    await app.page.focus('#inspector-bytes');
    await press('b');
    await asks('Bookmark another name');
    await app.page.focus('dialog button:has-text("Remove bookmark")');
    await press('Enter');
    await until('it is gone', async () => !(await rail()).includes('another name'));
    expect(await list()).toEqual({ bookmarks: [] });
  });
});

describe('several open files', () => {
  it('are listed, and each keeps its place', async () => {
    await goTo(pagesOffset + 2 * PAGE);
    const cdp = await app.page.context().newCDPSession(app.page);
    const data = { items: [], files: [path('second.mapped')], dragOperationsMask: 1 };
    for (const type of ['dragEnter', 'dragOver', 'drop'] as const) {
      await cdp.send('Input.dispatchDragEvent', { type, x: 900, y: 400, data });
    }
    await shows('second.mapped');
    expect((await rail()).filter((name) => name.endsWith('.mapped'))).toEqual(['first.mapped', 'second.mapped']);
    await goTo(pagesOffset + 7);
    await app.page.focus('nav [title="first.mapped"]');
    await press('Enter');
    await shows('first.mapped');
    await cursorIs(pagesOffset + 2 * PAGE);
    await app.page.focus('nav [title="second.mapped"]');
    await press('Enter');
    await cursorIs(pagesOffset + 7);
  });

  it('go back and forward each for itself', async () => {
    await goTo(0);
    await press('Alt+ArrowLeft');
    await cursorIs(pagesOffset + 7);
  });

  it('have a painter each when their scroll bar was come near to, and take it with them', async () => {
    const painters = (): number => app.page.workers().length;
    expect(painters()).toBe(0);
    for (const [name, count] of [
      ['first.mapped', 1],
      ['second.mapped', 2],
    ] as const) {
      await app.page.focus(`nav [title="${name}"]`);
      await press('Enter');
      await shows(name);
      await app.page.hover('.hex .track');
      await until(`${name} has a painter`, async () => painters() === count);
      await app.page.mouse.move(0, 0);
    }
  });

  it('are closed one by one, and the one beside is shown', async () => {
    await app.page.focus('nav [aria-label="Close second.mapped"]');
    await press('Enter');
    await shows('first.mapped');
    await until('its painter is gone', async () => app.page.workers().length === 1);
    await app.page.focus('.inspector header [aria-haspopup=menu]');
    await press('Enter');
    await until('the menu is open', async () => (await texts('[role=menuitem]')).includes('Close first.mapped'));
    await press('End', 'Enter');
    await until('nothing is open', async () => (await texts('.inspector h1')).length === 0);
    await until('no painter is left', async () => app.page.workers().length === 0);
  });
});
