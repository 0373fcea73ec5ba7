/** The Inspector on a snapshot of 128 GiB of RAM: what has to hold whatever the machine does meanwhile. Times: bench:inspector. */
import { afterAll, beforeAll, expect, it } from 'vitest';
import { HEX_ROWS } from '../support/hex-rows';
import { heapBytes, workerRss } from '../support/app-memory';
import { launchApp, type LaunchedApp } from '../support/electron';
import { giantPage, makeGiantFile, type GiantFile } from '../support/giant-file';
import { randomFrom } from '../support/random';
import { dragAlong, topRow, trackOf, watchScrolling } from '../support/scroll-watch';
import { makeTempDir, removeTempDir } from '../support/temp';
import { eventually, textOf } from './session';

const GIB = 2 ** 30;
const MIB = 2 ** 20;
/** Height of the thumb in a file this long. */
const THUMB = 18;
const DRAG_SECONDS = 4;

let folder = '';
let file: GiantFile;
let launched: LaunchedApp;

beforeAll(async () => {
  folder = await makeTempDir('sfe');
  file = await makeGiantFile(folder, 'giant', { ramBytes: 128 * GIB, presentBytes: GIB / 2 });
  launched = await launchApp({ args: [file.path], size: { width: 1280, height: 800 } });
});
afterAll(async () => {
  await launched?.close();
  await removeTempDir(folder);
});

interface ShownRow {
  readonly kind: string;
  readonly from: number;
  readonly bytes: readonly number[];
}

const shownRows = (): Promise<readonly ShownRow[]> =>
  launched.page.evaluate<
    readonly ShownRow[]
  >(`(() => { ${HEX_ROWS} return [...document.querySelectorAll('#inspector-bytes [data-from]')].map((row) => ({
    kind: row.dataset.kind,
    from: Number(row.dataset.from),
    bytes: cellsOf(row).filter((cell) => cell !== '').map((cell) => Number.parseInt(cell, 16)),
  })); })()`);

/** Waits until the view rests and all rows in view have their bytes. */
async function loadedRows(): Promise<readonly ShownRow[]> {
  let rows: readonly ShownRow[] = [];
  await eventually('the rows in view have their bytes', async () => {
    if (await launched.page.evaluate<boolean>(`document.querySelector('#inspector-bytes canvas:not(.bytes)') !== null`))
      return false;
    rows = await shownRows();
    return rows.length > 0 && rows.every(({ kind, bytes }) => kind !== 'bytes' || bytes.some((byte) => byte >= 0));
  });
  return rows;
}

const isPresent = (page: number): boolean => (((file.bitmap[page >> 3] ?? 0) >> (page & 7)) & 1) === 1;

/** Rows of bytes that lie in pages hold what was written there, and stand for no page that is not there. */
function expectTrueRows(rows: readonly ShownRow[]): number {
  let compared = 0;
  for (const { kind, from, bytes } of rows) {
    const page = Math.floor((from - file.pagesOffset) / 4096);
    if (kind !== 'bytes' || page < 0 || page >= file.pagesTotal || !isPresent(page)) continue;
    const at = (from - file.pagesOffset) % 4096;
    expect(bytes).toEqual([...giantPage(page).subarray(at, at + bytes.length)]);
    compared += 1;
  }
  return compared;
}

it('opens, and counts its pages', async () => {
  const { page } = launched;
  await eventually('the file is open', async () => (await page.locator('.inspector h1').count()) === 1);
  await loadedRows();
  await eventually('its pages are counted', async () => {
    const [present = ''] = await page.locator('[aria-label="Block"] dd').allInnerTexts();
    return Number(present.replace(/\D/g, '')) === file.pagesPresent;
  });
  expect(await textOf(page.locator('.inspector .sizes'))).toMatch(/^128[\d.]* GiB, [\d.]+ [GM]iB on disk$/);
});

it('shows the bytes of any page that is gone to', async () => {
  const { page } = launched;
  const random = randomFrom(5);
  let compared = 0;
  for (let turn = 0; turn < 12; turn += 1) {
    let number = Math.floor(random() * file.pagesTotal);
    while (!isPresent(number)) number = (number + 1) % file.pagesTotal;
    const within = turn * 300;
    await page.click('.place.offset');
    await page.keyboard.insertText(`0x${(file.pagesOffset + number * 4096 + within).toString(16)}`);
    await page.keyboard.press('Enter');
    await eventually(`page ${number} is shown`, async () =>
      (await textOf(page.locator('.place.page .value'))).replace(' +', '+').startsWith(`pc.ram : ${number}+`),
    );
    const rows = await loadedRows();
    expect(rows.some(({ from }) => from <= file.pagesOffset + number * 4096 + within)).toBe(true);
    compared += expectTrueRows(rows);
  }
  expect(compared).toBeGreaterThan(100);
});

it('its scroll bar is dragged from end to end, and every frame shows the rows it stands for', async () => {
  const { page } = launched;
  const cursor = await textOf(page.locator('.place.page .value'));
  const track = await trackOf(page, '.hex .track', THUMB);
  const seen = await watchScrolling(page, () => dragAlong(page, track, DRAG_SECONDS));
  console.log(
    `${seen.frames.length} frames, ${seen.tops} rows at the top, blank for at most ${seen.longestBlankMs.toFixed(0)} ms, long tasks: ${seen.longTasksMs.map((ms) => ms.toFixed(0)).join(', ') || 'none'}`,
  );
  expect(seen.mismatches).toEqual([]);
  expect(seen.tops).toBeGreaterThan(20);
  // Where the cursor is does not depend on what is in view.
  expect(await textOf(page.locator('.place.page .value'))).toBe(cursor);
  // Left in the middle, where pages are.
  await page.mouse.click(track.x, (track.top + track.bottom) / 2);
  const rows = await loadedRows();
  expect(expectTrueRows(rows)).toBeGreaterThan(5);
  expect(await topRow(page)).toBeGreaterThan(60 * GIB);
});

it('rests on the rows that were in its last picture', async () => {
  const { page } = launched;
  const track = await trackOf(page, '.hex .track', THUMB);
  await page.evaluate(`(() => {
    window.pictured = [];
    new MutationObserver((changes) => {
      for (const { removedNodes } of changes) {
        for (const { localName, dataset } of removedNodes) {
          if (localName === 'canvas' && 'rows' in dataset) window.pictured.push(dataset.rows);
        }
      }
    }).observe(document.getElementById('inspector-bytes'), { childList: true });
  })()`);
  for (const share of [0.2, 0.55, 0.98]) {
    await page.mouse.move(track.x, track.top);
    await page.mouse.down();
    for (let step = 0; step <= 20; step += 1) {
      await page.mouse.move(track.x, track.top + ((track.bottom - track.top) * share * step) / 20);
    }
    await page.mouse.up();
    const rows = await loadedRows();
    const pictured = await page.evaluate<readonly string[]>('window.pictured.splice(0)');
    expect(pictured).toEqual([rows.map(({ from }) => from).join(' ')]);
    expectTrueRows(rows);
  }
});

it('can be dragged when its painter has died', async () => {
  const { page } = launched;
  await page.hover('.hex .track');
  await eventually('there is a painter', async () => page.workers().length === 1);
  await page.workers()[0]?.evaluate('self.close()');
  await eventually('the painter is gone', async () => page.workers().length === 0);
  const track = await trackOf(page, '.hex .track', THUMB);
  const seen = await watchScrolling(page, () => dragAlong(page, track, DRAG_SECONDS));
  expect(seen.mismatches).toEqual([]);
  expect(seen.tops).toBeGreaterThan(20);
  await page.mouse.click(track.x, (track.top + track.bottom) / 2);
  await eventually('the rows in the middle are shown', async () => (await topRow(page)) > 60 * GIB);
  expect(expectTrueRows(await loadedRows())).toBeGreaterThan(5);
  expect(page.workers()).toHaveLength(0);
});

it('takes little memory for it', async () => {
  const [heap, rss] = [await heapBytes(launched.page), await workerRss(launched, file.path)];
  console.log(`page heap ${(heap / MIB).toFixed(0)} MiB, worker ${(rss / MIB).toFixed(0)} MiB`);
  expect(heap).toBeLessThan(200e6);
  expect(rss).toBeLessThan(300e6);
  expect(launched.pageErrors()).toEqual([]);
});
