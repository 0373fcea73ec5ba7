/**
 * The inspector on a snapshot of 128 GiB with a few GiB of scattered pages, in real Electron: each limit beside what was
 * measured. Answers 1 when a limit is broken; on a machine that does something else the figures say little.
 */
import type { Page } from 'playwright-core';
import { startDisplay } from '../support/display';
import { launchApp, type LaunchedApp } from '../support/electron';
import { makeGiantFile, type GiantFile } from '../support/giant-file';
import { randomFrom } from '../support/random';
import { dragAlong, trackOf, watchScrolling } from '../support/scroll-watch';
import { makeTempDir, removeTempDir } from '../support/temp';
import { workerRss, heapBytes } from '../support/app-memory';
import { benchArguments, median } from './bench-files';
import { layBlank, takeBlankAway, timeGoing, timePages, whenOpened } from './inspector/in-page';
import { traced, type TracedFrames } from './inspector/trace';

const GIB = 2 ** 30;
const MIB = 2 ** 20;
const GOES = 100;
const OPENINGS = 6;
/** A person takes so long to choose a file, at the least. */
const CHOOSING_MS = 1000;
/** And so long between the last character of a place and Enter. */
const FINISHING_MS = 150;
/** q35 has this much of its RAM below 4 GiB. */
const LOW_RAM = 2 * GIB;
const THUMB = 18;

interface Line {
  readonly what: string;
  readonly value: number;
  readonly unit: string;
  readonly limit: number | null;
}

/** `[GiB of pages] [seconds of dragging]`; the file is made in the folder of `--folder`, or in one that is removed. */
export async function benchInspector(words: readonly string[]): Promise<number> {
  const { gib, rounds: seconds, folder: given } = benchArguments(words, { gib: 3, rounds: 6 });
  const folder = given ?? (await makeTempDir('sfb'));
  const display = await startDisplay();
  process.env['DISPLAY'] = display.name;
  try {
    const began = performance.now();
    const file = await makeGiantFile(folder, 'giant', { ramBytes: 128 * GIB, presentBytes: gib * GIB });
    console.log(
      `128 GiB of RAM, ${file.pagesPresent} pages present in ${file.runs} runs, made in ${((performance.now() - began) / 1000).toFixed(1)} s`,
    );
    const launched = await launchApp({ size: { width: 1280, height: 800 } });
    try {
      return report(await measured(launched, file, seconds));
    } finally {
      await launched.close();
    }
  } finally {
    await display.stop();
    if (given === null) await removeTempDir(folder);
  }
}

async function measured(launched: LaunchedApp, file: GiantFile, seconds: number): Promise<readonly Line[]> {
  const { page } = launched;
  const opened = await openings(launched, file, CHOOSING_MS);
  const hurried = await openings(launched, file, 0);
  const goes = await goesTo(page, file, FINISHING_MS);
  const hurriedGoes = await goesTo(page, file, 0);
  const mapped = await timePages(page, file.pagesPresent, () => page.click('[data-view="pages"]'));
  await page.click('[data-view="bytes"]');
  const lines: Line[] = [
    { what: 'chosen to first rows, first time', value: opened[0] ?? Number.NaN, unit: 'ms', limit: 300 },
    { what: 'chosen to first rows, later, worst', value: Math.max(...opened.slice(1)), unit: 'ms', limit: 300 },
    { what: 'the same, no worker in waiting, worst', value: Math.max(...hurried), unit: 'ms', limit: null },
    { what: 'whole RAM as a map of its pages', value: mapped, unit: 'ms', limit: 1000 },
    ...spread('go to an address', goes, 'ms', 50, 'max'),
    ...spread('the same, Enter right after the text', hurriedGoes, 'ms', null, 'max'),
    ...(await dragging(launched, seconds)),
  ];
  return [
    ...lines,
    { what: 'page heap after collection', value: (await heapBytes(page)) / MIB, unit: 'MiB', limit: 200 / 1.048576 },
    { what: 'worker RSS', value: (await workerRss(launched, file.path)) / MIB, unit: 'MiB', limit: 300 / 1.048576 },
  ];
}

/** Milliseconds from the choice of a file in the dialog, which is open for so long, to its first rows; some times over. */
async function openings({ app, page }: LaunchedApp, file: GiantFile, choosingMs: number): Promise<readonly number[]> {
  await app.evaluate(
    ({ dialog }, { path, wait }) => {
      dialog.showOpenDialog = async () => {
        await new Promise((chosen) => setTimeout(chosen, wait));
        Object.assign(globalThis, { chosenAt: performance.timeOrigin + performance.now() });
        return { canceled: false, filePaths: [path] };
      };
    },
    { path: file.path, wait: choosingMs },
  );
  await page
    .getByRole('button', { name: 'Inspector', exact: true })
    .or(page.getByRole('link', { name: 'Inspector' }))
    .click();
  const times: number[] = [];
  for (let round = 0; round < OPENINGS; round += 1) {
    const shown = await whenOpened(page, () => page.locator('text=Open file…').first().click());
    times.push(shown - (await app.evaluate(() => (globalThis as unknown as { chosenAt: number }).chosenAt)));
  }
  return times;
}

/** Places anywhere in the file, and present pages by each kind of address, typed in and confirmed with Enter. */
async function goesTo(page: Page, file: GiantFile, finishingMs: number): Promise<readonly number[]> {
  const random = randomFrom(3);
  const times: number[] = [];
  for (let turn = 0; turn < GOES; turn += 1) {
    const { field, text, offset } = placeToGo(file, random, turn);
    await page.click(`.place.${field}`);
    await page.keyboard.insertText(text);
    await new Promise((done) => setTimeout(done, finishingMs));
    times.push(await timeGoing(page, offset, () => page.keyboard.press('Enter')));
  }
  return times;
}

interface TypedPlace {
  readonly field: 'offset' | 'page' | 'gpa';
  readonly text: string;
  /** Where it leads. */
  readonly offset: number;
}

function placeToGo(file: GiantFile, random: () => number, turn: number): TypedPlace {
  const hex = (value: number): string => `0x${value.toString(16)}`;
  const anywhere = Math.floor(random() * file.size);
  let number = Math.floor(random() * file.pagesTotal);
  if (turn % 4 === 0) return { field: 'offset', text: hex(anywhere), offset: anywhere };
  while (((file.bitmap[number >> 3] ?? 0xff) >> (number & 7)) % 2 === 0) number = (number + 1) % file.pagesTotal;
  const within = Math.floor(random() * 4096);
  const inBlock = number * 4096 + within;
  const offset = file.pagesOffset + inBlock;
  if (turn % 4 === 1) return { field: 'offset', text: hex(offset), offset };
  if (turn % 4 === 2) return { field: 'page', text: `pc.ram : ${number} + ${hex(within)}`, offset };
  return { field: 'gpa', text: hex(inBlock < LOW_RAM ? inBlock : inBlock + 4 * GIB - LOW_RAM), offset };
}

async function dragging(launched: LaunchedApp, seconds: number): Promise<readonly Line[]> {
  const { app, page } = launched;
  const pid = await app.evaluate(({ BrowserWindow }) => BrowserWindow.getAllWindows()[0]?.webContents.getOSProcessId());
  if (pid === undefined) throw new Error('there is no window');
  await layBlank(page);
  const blankTrack = await trackOf(page, '#blank-page', THUMB);
  const right = { ...blankTrack, x: blankTrack.x * 2 - 6 };
  const blank = await traced(app, pid, () => dragAlong(page, right, seconds));
  await takeBlankAway(page);

  const track = await trackOf(page, '.hex .track', THUMB);
  let ours: TracedFrames | null = null;
  const seen = await watchScrolling(page, async () => {
    ours = await traced(app, pid, () => dragAlong(page, track, seconds));
  });
  const { workMs, cpuMs, drawn, dropped } = ours ?? blank;
  const share = (frames: Pick<TracedFrames, 'drawn' | 'dropped'>): number =>
    (100 * frames.dropped) / Math.max(1, frames.drawn + frames.dropped);
  console.log(
    `blank page: ${blank.drawn} frames drawn, ${blank.dropped} dropped; bytes: ${drawn} drawn, ${dropped} dropped, ${seen.tops} different rows at the top`,
  );
  for (const mismatch of seen.mismatches.slice(0, 5)) console.log(mismatch);
  return [
    { what: 'frames dropped, blank page', value: share(blank), unit: '%', limit: null },
    { what: 'frames dropped, bytes', value: share({ drawn, dropped }), unit: '%', limit: share(blank) + 5 },
    ...spread('main thread, work per frame', workMs, 'ms', 8, 'p95'),
    ...spread('main thread, CPU per frame', cpuMs, 'ms', null, 'p95'),
    ...spread('blank page, work per frame', blank.workMs, 'ms', null, 'p95'),
    { what: 'longest task over 50 ms', value: Math.max(0, ...seen.longTasksMs), unit: 'ms', limit: 50 },
    { what: 'frames whose top row is not that of the bar', value: seen.mismatches.length, unit: '', limit: 0 },
    { what: 'longest time a row is blank', value: seen.longestBlankMs, unit: 'ms', limit: 100 },
    { what: 'frames with blank rows', value: seen.blankFrames, unit: '', limit: null },
  ];
}

function spread(
  what: string,
  values: readonly number[],
  unit: string,
  limit: number | null,
  at: 'p95' | 'max',
): Line[] {
  const sorted = [...values].sort((a, b) => a - b);
  const [p95, max] = [sorted[Math.floor(sorted.length * 0.95)] ?? Number.NaN, sorted.at(-1) ?? Number.NaN];
  return [
    { what: `${what}, median`, value: median(values), unit, limit: null },
    { what: `${what}, p95`, value: p95, unit, limit: at === 'p95' ? limit : null },
    { what: `${what}, max`, value: max, unit, limit: at === 'max' ? limit : null },
  ];
}

function report(lines: readonly Line[]): number {
  let broken = 0;
  for (const { what, value, unit, limit } of lines) {
    const holds = limit === null || value <= limit;
    if (!holds) broken += 1;
    const bound = limit === null ? '' : `limit ${limit.toFixed(1)}${holds ? '' : '   BROKEN'}`;
    console.log(`${what.padEnd(46)} ${value.toFixed(1).padStart(9)} ${unit.padEnd(4)} ${bound}`);
  }
  return broken === 0 ? 0 : 1;
}
