/** The Inspector in the real app, over files that QEMU wrote: structure, bytes, places, keys, and files that are broken. */
import { execFile } from 'node:child_process';
import { mkdir, open, readdir, readFile, readlink, rename, truncate, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Reply } from '@shared/contracts/app';
import type { BlockReport, InspectReport } from '@shared/contracts/inspect';
import { HEX_ROWS } from '../support/hex-rows';
import { runCli } from '../support/cli';
import { appEnv, launchApp, type LaunchedApp } from '../support/electron';
import { PlainQemu } from '../support/plain-qemu';
import { makeTempDir, removeTempDir } from '../support/temp';

const SCREENS = resolve(import.meta.dirname, '../../test-results/screens');
const HUGE = 128 * 2 ** 30;
const run = promisify(execFile);

let launched: LaunchedApp;
let folder: string;
let path: string;
let bytes: Buffer;
let report: InspectReport;
let ram: BlockReport & { pagesOffset: number };

beforeAll(async () => {
  folder = await makeTempDir();
  path = join(folder, 'memory.mapped');
  // Long enough for the firmware to run: an interrupt table in page 0, text in video memory.
  const vm = await PlainQemu.start({ argv: ['-M', 'q35', '-m', '64'], folder, defaults: true });
  try {
    await until('the firmware has run', async () => (await vm.readMemory(0, 4)).readUInt32LE() !== 0);
    await sleep(500);
    await vm.save(`file:${path}`, { mappedRam: true, channels: 2 });
  } finally {
    await vm.stop();
  }
  bytes = await readFile(path);
  launched = await launchApp({ args: [path], size: { width: 1280, height: 800 } });
  const answer = await runCli(['inspect', path, '--json'], { env: appEnv(launched.dirs), cwd: folder });
  report = answer.json() as InspectReport;
  const block = report.ramBlocks.find(({ name }) => name === 'pc.ram');
  if (block?.pagesOffset == null) throw new Error('pc.ram has no pages in this file');
  ram = { ...block, pagesOffset: block.pagesOffset };
});
afterAll(async () => {
  await launched?.close();
  await removeTempDir(folder);
});

/** Looks every 20 ms until it holds; throws with `what` when it does not within the time. */
async function until(what: string, holds: () => Promise<boolean>, limitMs = 15_000): Promise<void> {
  for (const deadline = performance.now() + limitMs; !(await holds());) {
    await sleep(20);
    if (performance.now() > deadline) throw new Error(`not within ${limitMs} ms: ${what}`);
  }
}

/** Runs in the page; strings, because the page's globals are the DOM's. */
const inPage = <T>(expression: string): Promise<T> => launched.page.evaluate<T>(expression);
const texts = (selector: string): Promise<string[]> =>
  inPage(
    `[...document.querySelectorAll(${JSON.stringify(selector)})].map((element) => element.textContent.replace(/\\s+/g, ' ').trim())`,
  );
const press = (...keys: readonly string[]): Promise<void> =>
  keys.reduce((before, key) => before.then(() => launched.page.keyboard.press(key)), Promise.resolve());

/** What a row of the hex view shows: its bytes, or its sentence. */
interface ShownRow {
  readonly kind: string;
  readonly from: number;
  readonly gutter: string;
  readonly cells: readonly string[];
  readonly ascii: string;
  readonly says: string;
}
const shownRows = (): Promise<readonly ShownRow[]> =>
  inPage(`(() => { ${HEX_ROWS} return [...document.querySelectorAll('[data-from]')].map((row) => ({
    kind: row.dataset.kind,
    from: Number(row.dataset.from),
    gutter: row.querySelector('.gutter').textContent,
    cells: cellsOf(row),
    ascii: textOf(row),
    says: (row.querySelector('.says, .opening')?.textContent ?? '').replace(/\\s+/g, ' ').trim(),
  })); })()`);

/** Waits until every row of bytes in view has its bytes, and gives all rows. */
async function loadedRows(): Promise<readonly ShownRow[]> {
  let rows: readonly ShownRow[] = [];
  await until('the rows in view have their bytes', async () => {
    rows = await shownRows();
    return rows.length > 0 && rows.every(({ kind, cells }) => kind !== 'bytes' || cells.some((cell) => cell !== ''));
  });
  return rows;
}

/** The rows of bytes in view are those of the file, in their place, in hex and in ASCII. */
async function expectTrueBytes(file: Buffer): Promise<readonly ShownRow[]> {
  const rows = await loadedRows();
  for (const { kind, from, cells, ascii, gutter } of rows) {
    if (kind !== 'bytes') continue;
    const base = from - (from % 16);
    expect(Number.parseInt(gutter.replaceAll(' ', ''), 16)).toBe(base);
    expect(gutter.replaceAll(' ', '')).toHaveLength(16);
    cells.forEach((cell, column) => {
      if (cell !== '') expect(cell).toBe(file[base + column]?.toString(16).padStart(2, '0'));
    });
    const text = [...file.subarray(from, from + ascii.length)].map((byte) =>
      byte >= 32 && byte < 127 ? String.fromCharCode(byte) : '·',
    );
    expect(ascii).toBe(text.join(''));
  }
  return rows;
}

async function cursor(): Promise<number> {
  const [text = ''] = await texts('.place.offset .value');
  return Number.parseInt(text.replaceAll(' ', ''), 16);
}
const cursorIs = (offset: number): Promise<void> =>
  until(`the cursor is at 0x${offset.toString(16)}`, async () => (await cursor()) === offset);

async function goTo(text: string, field: 'offset' | 'page' | 'gpa' = 'offset'): Promise<void> {
  await launched.page.click(`.place.${field}`);
  await launched.page.keyboard.type(text);
  await press('Enter');
  await until('the place was taken', async () => (await texts('#inspector-place')).length === 0);
}

async function openByDrop(file: string): Promise<void> {
  const cdp = await launched.page.context().newCDPSession(launched.page);
  const data = { items: [], files: [file], dragOperationsMask: 1 };
  for (const type of ['dragEnter', 'dragOver', 'drop'] as const) {
    await cdp.send('Input.dispatchDragEvent', { type, x: 600, y: 400, data });
  }
  await cdp.detach();
}

async function openByMenu(file: string): Promise<void> {
  await launched.app.evaluate(({ dialog, Menu }, chosen) => {
    // The system's own file dialog cannot be driven; its answer is the person's.
    dialog.showOpenDialog = () => Promise.resolve({ canceled: false, filePaths: [chosen] });
    const items = Menu.getApplicationMenu()?.items.flatMap(({ submenu }) => submenu?.items ?? []) ?? [];
    items.find(({ label }) => label === 'Inspect file…')?.click();
  }, file);
}

const opened = (name: string): Promise<void> =>
  until(`${name} is open`, async () => (await texts('.inspector h1')).at(0) === name);

async function theme(name: 'dark' | 'light'): Promise<void> {
  const reply = await inPage<Reply>(
    `stillframe.invoke('shell', 'setSettings', [{ theme: '${name}', singleKeys: true }])`,
  );
  expect(reply.ok).toBe(true);
  await until(`the theme is ${name}`, async () => (await inPage('document.documentElement.dataset.theme')) === name);
}

async function resize(width: number, height: number): Promise<void> {
  await launched.app.evaluate(
    ({ BrowserWindow }, size) => BrowserWindow.getAllWindows()[0]?.setContentSize(size.width, size.height),
    { width, height },
  );
  await until(`the page is ${width} × ${height}`, () => inPage(`innerWidth === ${width} && innerHeight === ${height}`));
}

/** The process, if it has the file open. */
async function holds(pid: number, file: string): Promise<number | null> {
  const folder = `/proc/${pid}/fd`;
  const fds = await readdir(folder).catch(() => []);
  const targets = await Promise.all(fds.map((fd) => readlink(join(folder, fd)).catch(() => '')));
  return targets.includes(file) ? pid : null;
}

describe('a file that the app was started with', () => {
  it('is open in the Inspector, with its name, its size and what it takes on disk', async () => {
    await opened('memory.mapped');
    const [sizes = ''] = await texts('.inspector .sizes');
    expect(sizes).toMatch(/^[\d.]+ MiB, [\d.]+ [KM]iB on disk$/);
    expect(report.complete).toBe(true);
  });

  it('has a tree whose fields are those that `stillframe inspect` gives', async () => {
    const nodes = await inPage<Record<string, string>>(
      `Object.fromEntries([...document.querySelectorAll('[role=treeitem]')].map((row) => [row.dataset.node, row.querySelector('.value').textContent]))`,
    );
    expect(Number(nodes['ram/pc.ram/header/page size'])).toBe(ram.pageSize);
    expect(Number(nodes['ram/pc.ram/header/bitmap offset'])).toBe(ram.bitmapOffset);
    expect(Number(nodes['ram/pc.ram/header/pages offset'])).toBe(ram.pagesOffset);
    expect(Number(nodes['ram/pc.ram/used length'])).toBe(ram.usedLength);
    expect(nodes['configuration']).toBe(report.machine);
    expect(nodes['ram/pc.ram/pages']).toBe(`${ram.pagesTotal} pages`);
    const shown = (await texts('[aria-label="Block"] dd')).map((text) => Number(text.replace(/\D/g, '')));
    expect(shown[0]).toBe(ram.pagesPresent);
    expect(shown[2]).toBe((ram.pagesTotal ?? 0) - (ram.pagesPresent ?? 0));
  });

  it('shows its first bytes at 16-digit offsets, and a hole as a sentence', async () => {
    const rows = await expectTrueBytes(bytes);
    expect(rows[0]).toMatchObject({ from: 0, gutter: '0000 0000 0000 0000' });
    expect(rows[0]?.ascii.startsWith('QEVM')).toBe(true);
    const hole = rows.find(({ kind }) => kind === 'hole');
    expect(hole?.says).toMatch(/^Hole, [\d\s]+ KiB\. Padding before the pages\. No bytes on disk\.$/);
    expect(hole?.cells).toEqual([]);
  });

  it('leads from a field to what it points to', async () => {
    await launched.page.click('[data-node="ram/pc.ram/header/pages offset"]');
    await cursorIs((ram.headerOffset ?? 0) + 20);
    await launched.page.click('[aria-label="Field at cursor"] .facts dd:nth-of-type(4) button');
    await cursorIs(ram.pagesOffset);
    await expectTrueBytes(bytes);
    expect(await texts('.decides .label')).toEqual(['pages offset']);
    expect(await texts('.place.page .value')).toEqual(['pc.ram : 0 +0x0']);
  });

  it('goes to a typed offset, page and address, and says why it cannot', async () => {
    await press('g');
    await launched.page.keyboard.type((ram.pagesOffset + 0x7c00).toString(16));
    await press('Enter');
    await cursorIs(ram.pagesOffset + 0x7c00);
    await goTo('pc.ram : 240 + 0x10', 'page');
    await cursorIs(ram.pagesOffset + 240 * 4096 + 16);
    await expectTrueBytes(bytes);

    await launched.page.click('.place.offset');
    await launched.page.keyboard.type('ffffffffff');
    await press('Enter');
    await until('the reason stands beside the field', async () =>
      /The file ends at 0x/.test((await texts('.how')).join()),
    );
    await press('Escape');
    await launched.page.click('.place.gpa');
    await launched.page.keyboard.type('ffffffff00');
    await press('Enter');
    await until('the reason stands beside the field', async () =>
      /no RAM is at guest-physical 0xffffffff00/.test((await texts('.how')).join()),
    );
    await press('Escape');
    await cursorIs(ram.pagesOffset + 240 * 4096 + 16);
    // No manifest says where the RAM is; the machine type does, and that is said.
    await goTo('f0010', 'gpa');
    await cursorIs(ram.pagesOffset + 240 * 4096 + 16);
    expect(await texts('.place.gpa .t-label')).toEqual(['Guest-physical, derived']);
  });

  it('moves by keys, and goes back to where it was', async () => {
    await goTo('0');
    await cursorIs(0);
    await press('ArrowRight', 'ArrowRight', 'ArrowDown');
    await cursorIs(18);
    await press('End');
    await cursorIs(31);
    await press('Home', 'Shift+ArrowRight', 'Shift+ArrowRight');
    await cursorIs(18);
    expect(await texts('[aria-label="Data at cursor"] h2 .quiet')).toEqual(['3 bytes selected']);
    await press('Control+c');
    await until('the bytes are on the clipboard', async () => {
      const copied = await launched.app.evaluate(({ clipboard }) => clipboard.readText());
      return copied === [...bytes.subarray(16, 19)].map((byte) => byte.toString(16).padStart(2, '0')).join(' ');
    });
    await press('Control+End');
    await cursorIs(bytes.length - 1);
    const last = (await expectTrueBytes(bytes)).at(-1);
    expect(last?.from).toBe(bytes.length - 1 - ((bytes.length - 1) % 16));
    await press('Alt+ArrowLeft');
    await cursorIs(18);
    await press('Alt+ArrowRight');
    await cursorIs(bytes.length - 1);
  });

  it('steps from present page to present page, as its bitmap says', async () => {
    await goTo('0');
    const bitmap = bytes.subarray(ram.bitmapOffset ?? 0, (ram.bitmapOffset ?? 0) + (ram.bitmapLength ?? 0));
    const present = Array.from({ length: ram.pagesTotal ?? 0 }, (_, page) => page).filter(
      (page) => ((bitmap[Math.floor(page / 8)] ?? 0) >> (page % 8)) % 2 === 1,
    );
    for (const page of present.slice(0, 5)) {
      await press(']');
      await cursorIs(ram.pagesOffset + page * 4096);
    }
    await press('[');
    await cursorIs(ram.pagesOffset + (present[3] ?? 0) * 4096);
    await expectTrueBytes(bytes);
  });

  it('opens a folded run on a click', async () => {
    await goTo('0');
    const before = (await loadedRows()).find(({ kind }) => kind === 'fold');
    expect(before?.says).toMatch(/^Bitmap of pc\.ram continues, [\d\s]+ bytes, [\d\s]+ rows$/);
    await launched.page.click('.fold');
    await until(
      'the run is open',
      async () => !(await shownRows()).some(({ kind, from }) => kind === 'fold' && from === before?.from),
    );
    await expectTrueBytes(bytes);
    await launched.page.click('text=Fold long runs');
    await launched.page.click('text=Fold long runs');
  });

  it('walks its tree by keys', async () => {
    await launched.page.click('[data-node="configuration"]');
    await press('ArrowLeft');
    await until(
      'the configuration is closed',
      async () => (await texts('[data-node="configuration/machine type"]')).length === 0,
    );
    await press('ArrowRight', 'ArrowRight', 'ArrowDown', 'Enter');
    await cursorIs(9);
    expect(await inPage('document.activeElement.dataset.node')).toBe('configuration/name length');
    await press('f');
    await launched.page.keyboard.type('bitmap offset');
    await until('only what fits the filter shows', async () => {
      const labels = await texts('[role=treeitem] .label');
      return (
        labels.length > 0 && labels.filter((label) => label === 'bitmap offset').length === report.ramBlocks.length
      );
    });
    await press('Escape');
  });

  it('lists no findings, and says that the stream is whole', async () => {
    await launched.page.click('[data-view="findings"]');
    expect((await texts('.findings')).join()).toMatch(/parses to its end.*No findings/);
    await launched.page.click('[data-view="bytes"]');
  });
});

describe('pictures of the Inspector', () => {
  it.each([
    ['dark', 1280, 800],
    ['light', 1280, 800],
    ['dark', 1920, 1080],
    ['light', 1920, 1080],
  ] as const)('%s, %d × %d', async (name, width, height) => {
    await mkdir(SCREENS, { recursive: true });
    await resize(width, height);
    await theme(name);
    await goTo('0');
    await launched.page.click(`[data-from="${ram.pagesOffset}"][data-kind="bytes"] .cells`, {
      position: { x: 2.5 * 21, y: 10 },
    });
    await launched.page.mouse.move(5, 5);
    await expectTrueBytes(bytes);
    await launched.page.screenshot({ path: join(SCREENS, `inspector-${name}-${width}.png`) });
    await until('nothing is cut off', () =>
      inPage(
        'document.documentElement.scrollWidth <= innerWidth && document.documentElement.scrollHeight <= innerHeight',
      ),
    );
    expect(launched.pageErrors()).toEqual([]);
  });
});

describe('any other file', () => {
  it('opens from the menu when it is no snapshot: the reason first, its bytes below', async () => {
    const file = join(folder, 'notes.txt');
    const text = Buffer.from('These are notes, and no snapshot.\n'.repeat(200));
    await writeFile(file, text);
    await openByMenu(file);
    await opened('notes.txt');
    expect((await texts('.unread')).join()).toMatch(/Its bytes are shown all the same\.$/);
    await expectTrueBytes(text);
    expect((await texts('.structure .none')).join()).toMatch(/No structure/);
  });

  it('opens when it is dropped, cut off in its pages: what is missing is a finding that leads to its place', async () => {
    const file = join(folder, 'cut.mapped');
    const half = bytes.subarray(0, ram.pagesOffset + 9 * 4096);
    await writeFile(file, half);
    await openByDrop(file);
    await opened('cut.mapped');
    await expectTrueBytes(half);
    await launched.page.click('[data-view="findings"]');
    expect((await texts('.findings li')).length).toBeGreaterThan(0);
    expect((await texts('.findings .verdict')).join()).toMatch(/does not reach its end/);
    const [place = ''] = await texts('.findings .place button');
    await launched.page.click('.findings .place button');
    await until(
      'the finding’s place is shown',
      async () => (await cursor()) === Math.min(Number(place), half.length - 1),
    );
  });

  it('shows stale bytes under a zero page, and a present page without bytes, as what they are', async () => {
    const file = join(folder, 'odd.mapped');
    await run('cp', ['--sparse=always', path, file]);
    const stale = Buffer.from('left by an earlier pass '.repeat(20));
    const staleAt = ram.pagesOffset + 2 * 4096;
    expect(bytes.subarray(staleAt, staleAt + 4096).every((byte) => byte === 0)).toBe(true);
    const handle = await open(file, 'r+');
    await handle.write(stale, 0, stale.length, staleAt);
    await handle.close();
    await run('fallocate', ['--punch-hole', '--offset', String(ram.pagesOffset), '--length', '4096', file]);
    await openByDrop(file);
    await opened('odd.mapped');
    await goTo((ram.pagesOffset + 4096).toString(16));
    const rows = (await loadedRows()).filter(({ from }) => from >= ram.pagesOffset);
    expect(rows.slice(0, 3).map(({ kind, says }) => [kind, says])).toEqual([
      ['hole', 'No bytes on disk, 4 KiB. pc.ram page 0 is marked present: a load gives zeros.'],
      ['hole', 'Hole, 4 KiB. pc.ram page 1 is zero. No bytes on disk.'],
      ['stale', 'Stale, 4 KiB. pc.ram page 2: zero in the bitmap, older bytes on disk.'],
    ]);
    await launched.page.click('.fold.stale');
    await until('the stale bytes show', async () =>
      (await loadedRows()).some(({ ascii }) => ascii.startsWith('left by an')),
    );
    const shown = await loadedRows();
    expect(shown.find(({ kind, from }) => kind === 'page' && from === staleAt)?.says).toMatch(/zero in the bitmap/);
    await expectTrueBytes(await readFile(file));
  });

  it('of 128 GiB, nearly all of it a hole, scrolls right to its end', async () => {
    const file = join(folder, 'huge.mapped');
    const handle = await open(file, 'w');
    await handle.write('the very end', HUGE - 12);
    await handle.close();
    await openByDrop(file);
    await opened('huge.mapped');
    await launched.page.click('.body');
    await press('Control+End');
    await cursorIs(HUGE - 1);
    const rows = await loadedRows();
    expect(rows.at(-1)).toMatchObject({
      kind: 'bytes',
      gutter: '0000 001f ffff fff0',
      cells: [...Array<string>(4).fill('00'), ...(Buffer.from('the very end').toString('hex').match(/../g) ?? [])],
    });
    await press('Control+Home');
    await cursorIs(0);
    expect((await shownRows())[0]).toMatchObject({ kind: 'hole' });

    const track = await launched.page.locator('[role=scrollbar]').boundingBox();
    if (track === null) throw new Error('there is a scroll bar');
    await launched.page.mouse.move(track.x + 5, track.y + 5);
    await launched.page.mouse.down();
    await launched.page.mouse.move(track.x + 5, track.y + track.height + 50, { steps: 5 });
    await launched.page.mouse.up();
    await until('the last row is in view', async () => (await shownRows()).at(-1)?.from === HUGE - 16);
  });

  it('that is taken away while it is open stays readable, and one that shrinks says so', async () => {
    const file = join(folder, 'shrinking.mapped');
    const elsewhere = join(folder, 'elsewhere.mapped');
    await writeFile(file, bytes);
    await openByDrop(file);
    await opened('shrinking.mapped');
    await rename(file, elsewhere);
    await goTo(ram.pagesOffset.toString(16));
    await cursorIs(ram.pagesOffset);
    await expectTrueBytes(bytes);
    await truncate(elsewhere, 4096);
    await goTo((bytes.length - 1).toString(16));
    await until('the notice says so', async () =>
      /the file is shorter than the 0x/.test((await texts('[role=alert]')).join()),
    );
    await rename(elsewhere, file);
    await launched.page.click('text=Open again');
    await until('the file is read anew', async () => (await texts('[role=alert]')).length === 0);
    expect((await texts('.inspector .sizes')).join()).toMatch(/^4 KiB, /);
    await expectTrueBytes(bytes.subarray(0, 4096));
  });

  it('whose worker is killed says so, and opens again', async () => {
    await openByDrop(path);
    await opened('memory.mapped');
    const pids = await launched.app.evaluate(({ app }) => app.getAppMetrics().map(({ pid }) => pid));
    const holding = await Promise.all(pids.filter((pid) => pid !== launched.pid).map((pid) => holds(pid, path)));
    const workers = holding.filter((pid) => pid !== null);
    expect(workers).toHaveLength(1);
    for (const pid of workers) process.kill(pid, 'SIGKILL');
    await until('the notice says so', async () =>
      /the process that read this file ended/.test((await texts('[role=alert]')).join()),
    );
    await launched.page.click('text=Open again');
    await until('the notice is gone', async () => (await texts('[role=alert]')).length === 0);
    await expectTrueBytes(bytes);
  });

  it('that is not there is refused with a sentence, and what was open stays', async () => {
    await openByMenu(join(folder, 'no-such-file'));
    await until('the refusal stands in the room', async () =>
      /no-such-file/.test((await texts('[role=alert]')).join()),
    );
    expect(await texts('.inspector h1')).toEqual(['memory.mapped']);
  });
});
