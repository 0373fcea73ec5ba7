/** The Pages view by keyboard alone, on a snapshot with lost writes, stale pages and pages that differ from their digest. */
import { execFile } from 'node:child_process';
import { mkdir, open } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Reply } from '@shared/contracts/app';
import { runCli, type CliResult } from '../support/cli';
import { appEnv, launchApp, type LaunchedApp } from '../support/electron';
import { readMappedFile, type MappedBlock } from '../support/mapped-file';
import { endProcess } from '../support/processes';
import { axeViolations } from './axe';

const SCREENS = resolve(import.meta.dirname, '../../test-results/screens');
const run = promisify(execFile);
const PAGE = 4096;
/** Pages of which one digest is taken. */
const UNIT = 256;
/** So many of each. */
const LOST = 5;
const STALE = 9;

let launched: LaunchedApp;
let pid: number | null = null;
let ram: MappedBlock;
/** The first lost page, the first stale one, and the page in which a byte was changed. */
let lost = 0;
let stale = 0;
let changed = 0;
/** The file as it was before. */
let before = '';

const cli = (...args: readonly string[]): Promise<CliResult> =>
  runCli(args, { env: appEnv(launched.dirs), cwd: launched.dirs.root });
const inPage = <T>(expression: string): Promise<T> => launched.page.evaluate<T>(expression);
const text = (selector: string): Promise<string> =>
  inPage(`(document.querySelector(${JSON.stringify(selector)})?.textContent ?? '').replace(/\\s+/g, ' ').trim()`);
const press = async (...keys: readonly string[]): Promise<void> => {
  for (const key of keys) await launched.page.keyboard.press(key);
};

async function reads(selector: string, wanted: string | RegExp): Promise<void> {
  const fits = (found: string): boolean => (typeof wanted === 'string' ? found === wanted : wanted.test(found));
  const deadline = performance.now() + 20_000;
  for (let found = await text(selector); !fits(found); found = await text(selector)) {
    if (performance.now() > deadline) throw new Error(`${selector} reads "${found}", not ${String(wanted)}`);
    await sleep(20);
  }
}

/** Goes on with Tab until what has the focus matches. */
async function tabTo(selector: string): Promise<void> {
  for (let tries = 0; tries < 60; tries += 1) {
    if (await inPage<boolean>(`document.activeElement.matches(${JSON.stringify(selector)})`)) return;
    await press('Tab');
  }
  throw new Error(`Tab does not lead to ${selector}`);
}

/** `1234567` as the app writes it. */
const spaced = (value: number): string => String(value).replace(/\B(?=(\d{3})+$)/g, ' ');
const SAID = '#inspector-page-said';
const figureIs = (state: string, pages: number): Promise<void> =>
  reads(`[data-state="${state}"] .found`, spaced(pages));

/** `count` pages one after the other that all are present, or all are not, from `from` on. */
function runOf(present: boolean, count: number, from: number): number {
  const pages = ram.usedLength / PAGE;
  for (let page = from; page + count < pages; page += 1) {
    if ([...Array(count).keys()].every((at) => ram.present.has(page + at) === present)) return page;
  }
  throw new Error(`no ${count} pages in a row`);
}

beforeAll(async () => {
  launched = await launchApp({ size: { width: 1280, height: 800 } });
  const started = (await cli('start', '--demo', '--memory', '64', '--json')).json() as { machine: string; pid: number };
  pid = started.pid;
  // Paused, our channels write it, and take digests.
  const saved = await cli('save', started.machine, '--paused', '--after', 'quit', '--json');
  expect(saved.code).toBe(0);
  const { memoryFile: path } = saved.json() as { memoryFile: string };
  const found = readMappedFile(path).blocks.find(({ name }) => name === 'pc.ram');
  if (found === undefined) throw new Error('the file has no pc.ram');
  ram = found;
  lost = runOf(true, LOST, 0);
  changed = runOf(true, 1, lost + 1024);
  stale = runOf(false, STALE, 0);
  before = join(launched.dirs.root, 'before.mapped');
  await run('cp', ['--sparse=always', path, before]);
  const hole = ['--punch-hole', '--offset', String(ram.pagesOffset + lost * PAGE), '--length', String(LOST * PAGE)];
  await run('fallocate', [...hole, path]);
  const file = await open(path, 'r+');
  await file.write(Buffer.alloc(STALE * PAGE, 'older '), 0, STALE * PAGE, ram.pagesOffset + stale * PAGE);
  const [at, byte] = [ram.pagesOffset + changed * PAGE + 17, Buffer.alloc(1)];
  await file.read(byte, 0, 1, at);
  await file.write(Buffer.of(byte.readUInt8() ^ 1), 0, 1, at);
  await file.close();
});
afterAll(async () => {
  if (pid !== null) await endProcess(pid);
  await launched?.close();
});

describe('the pages of a damaged snapshot, by keyboard', () => {
  it('are reached from the library', async () => {
    await press('Alt+2');
    await reads('[data-view="library"]', /Inspect/);
    await press('i');
    await reads('.inspector .base', /^memory\.mapped$/);
    await tabTo('[role=tab]');
    await press('ArrowRight');
    await reads('[role=tab][aria-selected=true]', 'Pages');
  });

  it('are counted, and holes and older bytes are found without being asked for', async () => {
    await figureIs('lost', LOST);
    await figureIs('stale', STALE);
    await figureIs('present', ram.present.size);
    await figureIs('zero', ram.usedLength / PAGE - ram.present.size - STALE);
    expect(await text('[data-state="mismatch"] .size')).toBe('not checked');
    await reads('[aria-label="Findings here"]', new RegExp(`${LOST} lost writes, first ${spaced(lost)}\\.`));
  });

  it('are gone through by state, by present page and by cell, and said', async () => {
    await tabTo('[role=application]');
    await press('4');
    await reads(SAID, /\blost 5\b/);
    // In as far as it goes: a page each.
    for (let zoom = 0; zoom < 20; zoom += 1) await press('+');
    await reads('.zoom', '1 cell = 1 page');
    await press('Control+Home', '4');
    await reads(SAID, `page ${spaced(lost)}, lost write`);
    await press('ArrowRight');
    await reads(SAID, `page ${spaced(lost + 1)}, lost write`);
    await press('3');
    await reads(SAID, `page ${spaced(stale)}, stale`);
    await reads('.tip', /^Page .* stale Bit clear, but older bytes on disk\. A load gives zeros\. file 0x/);
    const next = [...ram.present].filter((page) => page > stale).sort((a, b) => a - b)[0] ?? 0;
    await press(']');
    await reads(SAID, new RegExp(`^page ${spaced(next)}, `));
    await press('7');
    await reads(SAID, 'No page of pc.ram is duplicate content.');
  });

  it('are selected, described, and led to their bytes', async () => {
    await press('Control+Home', '4');
    await reads(SAID, new RegExp(`^page ${spaced(lost)}, lost write`));
    await press('Shift+ArrowRight', 'Shift+ArrowRight', 'Shift+ArrowRight', 'Shift+ArrowRight');
    await reads('[aria-label="Selection"] h2', /^Selection 5 pages, 20 KiB$/);
    await reads('[aria-label="Selection"] .counts', `lost ${LOST}`);
    const offset = ram.pagesOffset + lost * PAGE;
    const facts = await text('[aria-label="Selection"] dl');
    expect(facts).toContain(`${spaced(lost)} to ${spaced(lost + LOST - 1)}`);
    expect(facts).toContain(`0x${offset.toString(16)}, 0x5000 long`);
    expect(facts).toContain(`0x${(lost * PAGE).toString(16)} to 0x${((lost + LOST) * PAGE - 1).toString(16)}`);
    await press('Enter');
    await reads('[role=tab][aria-selected=true]', 'Bytes');
    const digits = (offset + (LOST - 1) * PAGE).toString(16).padStart(16, '0');
    await reads('.place.offset .value', (digits.match(/.{4}/g) ?? []).join(' '));
    await reads('[aria-label="Block"] dl', new RegExp(`Stale ${STALE} .*Lost write ${LOST}`));
  });

  it('limit a search', async () => {
    await tabTo('[role=tab]');
    await press('ArrowRight');
    await tabTo('[aria-label="Selection"] .actions button:last-child');
    await press('Enter');
    await reads('.find .limit', `In pages ${spaced(lost)} to ${spaced(lost + LOST - 1)} of pc.ram`);
    await launched.page.keyboard.type('\\x00');
    await press('Shift+Tab', 'ArrowRight', 'ArrowRight', 'Tab', 'Enter');
    await reads('.find .says', /^(1 of|Nothing found) /);
    await press('Escape');
    await tabTo('[role=tab]');
    await press('ArrowRight');
    await tabTo('[role=application]');
    await press('Escape');
    await reads('[aria-label="Selection"]', /^Selection No pages\./);
  });

  it('are drawn: a lost page has the colour of lost writes in its cell, a hole has none', async () => {
    await press('Control+Home', '4');
    await reads(SAID, new RegExp(`^page ${spaced(lost)}, `));
    const [red, green, blue] = await inPage<number[]>(`(() => {
      const field = document.querySelector('[role=application]');
      const [canvas, ring] = [field.querySelector('canvas'), field.querySelector('.ring')];
      const [, x, y] = /translate\\(([\\d.]+)px, ([\\d.]+)px\\)/.exec(ring.style.transform).map(Number);
      return [...canvas.getContext('2d').getImageData(x * devicePixelRatio, y * devicePixelRatio, 1, 1).data];
    })()`);
    expect(red).toBeGreaterThan(2 * Math.max(green ?? 0, blue ?? 0));
  });
});

describe('scans', () => {
  const row = (scan: string): string => `[data-scan="${scan}"]`;

  it('find the page that differs from its digest', async () => {
    await tabTo(`${row('digests')} button`);
    await press('Enter');
    await reads(`${row('digests')} .words`, 'checked');
    // All of its unit of 1 MiB, and of that of the lost pages, which are zeros now.
    const units = new Set([lost, lost + LOST - 1, changed].map((page) => Math.floor(page / UNIT)));
    await figureIs('mismatch', [...ram.present].filter((page) => units.has(Math.floor(page / UNIT))).length);
    await tabTo('[role=application]');
    await press('5');
    await reads(SAID, /digest mismatch|lost write/);
    await reads('[aria-label="Findings here"]', /pages in units that differ from their digest/);
  });

  it('find duplicates and classes, which are layers', async () => {
    for (const scan of ['duplicates', 'classes']) {
      await tabTo(`${row(scan)} button`);
      await press('Enter');
      await reads(`${row(scan)} .words`, /^all /);
    }
    await tabTo('[role=radiogroup][aria-label="Layer"] [aria-checked=true]');
    await press('ArrowRight');
    await reads('[aria-label="Entropy"] h2', /^Entropy in pc\.ram mean [\d.]+ bit a byte$/);
    await press('ArrowRight');
    await reads('[aria-label="Classes"] ul', /zero .*text .*code .*pointers .*compressed .*other/);
    await press('ArrowRight');
  });
});

describe('another file', () => {
  it('that it is compared with tells which pages are changed', async () => {
    await launched.app.evaluate(({ dialog }, chosen) => {
      // The system's own file dialog cannot be driven; its answer is the person's.
      dialog.showOpenDialog = () => Promise.resolve({ canceled: false, filePaths: [chosen] });
    }, before);
    await tabTo('.tools button[title^="Choose the file"]');
    await press('Enter');
    await reads('dialog .t-secondary', /Both files are only read/);
    await tabTo('dialog footer button:first-child');
    await press('Enter');
    await reads('.tools .against', 'before.mapped');
    const isZero = (page: number): boolean =>
      ram.memory.subarray(page * PAGE, (page + 1) * PAGE).every((byte) => byte === 0);
    const gone = [...Array(LOST).keys()].filter((at) => !isZero(lost + at)).length;
    await figureIs('changed', gone + 1);
    await tabTo('[role=application]');
    await press('6');
    await reads(SAID, /changed|mismatch|lost/);
  });
});

describe('pictures of the Pages view', () => {
  async function look(theme: 'dark' | 'light', width: number, height: number): Promise<void> {
    await launched.app.evaluate(
      ({ BrowserWindow }, size) => BrowserWindow.getAllWindows()[0]?.setContentSize(size.width, size.height),
      { width, height },
    );
    const reply = await inPage<Reply>(
      `stillframe.invoke('shell', 'setSettings', [{ theme: '${theme}', singleKeys: true }])`,
    );
    expect(reply.ok).toBe(true);
    await reads('.zoom', /^1 cell/);
    await sleep(400);
  }

  it.each([
    ['dark', 1280, 800],
    ['light', 1280, 800],
    ['dark', 1920, 1080],
    ['light', 1920, 1080],
  ] as const)('%s, %d × %d, and nothing that axe finds', async (theme, width, height) => {
    await mkdir(SCREENS, { recursive: true });
    await tabTo('[role=application]');
    await press('4');
    await reads(SAID, /lost/);
    await press('ArrowUp', 'Shift+ArrowDown', 'Shift+ArrowDown', 'Shift+ArrowDown', 'ArrowUp', 'ArrowUp', 'ArrowRight');
    await look(theme, width, height);
    const shot = (name: string) =>
      launched.page.screenshot({ path: join(SCREENS, `inspector-pages-${name}-${theme}-${width}.png`) });
    await shot('states');
    expect(await axeViolations(launched.page, '.inspector')).toEqual([]);
    await tabTo('[role=radiogroup][aria-label="Order"] [aria-checked=true]');
    await press('ArrowRight');
    for (let zoom = 0; zoom < 20; zoom += 1) await press('-');
    await sleep(300);
    await shot('hilbert');
    await press('ArrowRight');
    await tabTo('[role=radiogroup][aria-label="Layer"] [aria-checked=true]');
    await press('ArrowRight', 'ArrowRight');
    await sleep(300);
    await shot('class');
    await press('ArrowRight');
    for (let zoom = 0; zoom < 20; zoom += 1) await press('+');
    expect(await inPage('document.documentElement.scrollWidth <= innerWidth')).toBe(true);
    expect(launched.pageErrors()).toEqual([]);
  });
});
