/** Comparing two snapshots of one VM in the Inspector, by keyboard alone, beside what the command line says of them. */
import { mkdir, readdir, readlink } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { runCli, type CliResult } from '../support/cli';
import { appEnv, launchApp, type LaunchedApp } from '../support/electron';
import { endProcess } from '../support/processes';
import { axeViolations } from './axe';

const SCREENS = resolve(import.meta.dirname, '../../test-results/screens');

interface Counts {
  readonly added: number;
  readonly removed: number;
  readonly changed: number;
}
interface Report {
  readonly blocks: readonly (Counts & {
    readonly name: string;
    readonly ranges: readonly (readonly [number, number])[];
  })[];
  readonly devices: readonly { readonly name: string; readonly instance: number }[];
  readonly comparedBytes: number;
}

let launched: LaunchedApp;
let pid: number | null = null;
let report: Report;
let layout: readonly { readonly part: string }[] = [];

const cli = (...args: readonly string[]): Promise<CliResult> =>
  runCli(args, { env: appEnv(launched.dirs), cwd: launched.dirs.root });

async function save(machine: string, name: string, after: string): Promise<string> {
  const saved = await cli('save', machine, '--name', name, '--after', after, '--json');
  if (saved.code !== 0) throw new Error(saved.stdout + saved.stderr);
  return (saved.json() as { snapshot: string }).snapshot;
}

beforeAll(async () => {
  launched = await launchApp({ size: { width: 1280, height: 800 } });
  // So much memory, so slowly, that the guest is not through it when it is saved first, also where there is much else to do.
  const started = (
    await cli('start', '--demo', '--memory', '256', '--dirty', '200', '--rate', '16', '--json')
  ).json() as {
    machine: string;
    pid: number;
  };
  pid = started.pid;
  await save(started.machine, 'earlier', 'run');
  await sleep(1500);
  await save(started.machine, 'later', 'quit');
  report = (await cli('diff', 'earlier', 'later', '--json')).json() as Report;
  ({ layout } = (await cli('diff', 'earlier', 'later', '--layout', '--json')).json() as { layout: typeof layout });
}, 120_000);
afterAll(async () => {
  if (pid !== null) await endProcess(pid);
  await launched?.close();
});

const inPage = <T>(expression: string): Promise<T> => launched.page.evaluate<T>(expression);
const text = (selector: string): Promise<string> =>
  inPage(`(document.querySelector(${JSON.stringify(selector)})?.textContent ?? '').replace(/\\s+/g, ' ').trim()`);
const press = async (...keys: readonly string[]): Promise<void> => {
  for (const key of keys) await launched.page.keyboard.press(key);
};

async function until(what: string, holds: () => Promise<boolean>, limitMs = 20_000): Promise<void> {
  for (const deadline = performance.now() + limitMs; !(await holds());) {
    if (performance.now() > deadline) throw new Error(`not within ${limitMs} ms: ${what}`);
    await sleep(20);
  }
}
const reads = (selector: string, wanted: RegExp): Promise<void> =>
  until(`${selector} reads ${String(wanted)}`, async () => wanted.test(await text(selector)));
const focusIs = (selector: string): Promise<void> =>
  until(`${selector} has the focus`, () =>
    inPage(`document.activeElement?.matches(${JSON.stringify(selector)}) ?? false`),
  );

/** Presses Tab until an element that matches has the focus. */
async function tabTo(selector: string): Promise<void> {
  for (let tries = 0; tries < 60; tries += 1) {
    if (await inPage<boolean>(`document.activeElement?.matches(${JSON.stringify(selector)}) ?? false`)) return;
    await press('Tab');
  }
  throw new Error(`Tab never comes to ${selector}`);
}

async function picture(name: string): Promise<void> {
  await mkdir(SCREENS, { recursive: true });
  await launched.page.screenshot({ path: join(SCREENS, `inspector-compare-${name}.png`) });
}

const figure = (value: number): string => String(value).replace(/\B(?=(\d{3})+$)/g, ' ');

describe('two snapshots of one VM', () => {
  it('are chosen by keyboard, those of the same VM first', async () => {
    await press('Alt+2');
    await until('both are listed', () => inPage(`document.querySelectorAll('[data-snapshot]').length === 2`));
    await inPage(
      `[...document.querySelectorAll('[data-snapshot]')].find((row) => row.textContent.includes('earlier')).focus()`,
    );
    await press('Enter');
    await reads('.inspector h1', /^earlier$/);
    await tabTo('[role=tab][aria-selected=true]');
    await press('Tab', 'Enter');
    await reads('dialog legend', /^Snapshots of the same VM$/);
    expect(await text('dialog .name')).toBe('later');
    await focusIs('dialog input[type=radio]');
    await picture('choose');
    expect(await axeViolations(launched.page, 'dialog')).toEqual([]);
    await press('Enter');
    await reads('.compare .with', /^with later$/);
    await reads('.compare [role=status]', /^\d.* of pages compared in /);
  });

  it('differ in the pages that the command line tells', async () => {
    const ram = report.blocks.find(({ name }) => name === 'pc.ram');
    if (ram === undefined) throw new Error('no pc.ram');
    expect(ram.changed + ram.added).toBeGreaterThan(10);
    const rows = await inPage<string[][]>(
      `[...document.querySelectorAll('.summary table:first-of-type tbody tr')].map((row) => [...row.cells].map((cell) => cell.textContent.trim()))`,
    );
    expect(
      rows.map(([name, added, removed, changed]) =>
        [name, added, removed, changed].map((cell) => cell?.replace(/\s/g, ' ')),
      ),
    ).toEqual(
      report.blocks
        .filter(({ ranges }) => ranges.length > 0)
        .map(({ name, added, removed, changed }) => [name, ...[added, removed, changed].map(figure)]),
    );
    expect(await text('.summary')).toContain('By guest-physical range');
    expect(await text('.runs .title')).toMatch(/runs? of pages$/);
    // The panes are at the first difference.
    const [first] = report.blocks.flatMap(({ ranges }) => ranges);
    await reads('.pair .page-name', new RegExp(`page ${figure(first?.[0] ?? -1).replace(/ /g, '\\s')}$`));
    await reads('.pair .says', /, [\da-f]{2} in A, [\da-f]{2} in B$/);
  });

  it('are gone through run by run and difference by difference', async () => {
    await tabTo('.runs [role=listbox]');
    await press('End');
    const last = await inPage<string>(
      `document.querySelector('.runs [aria-selected=true]').textContent.replace(/\\s+/g, ' ').trim()`,
    );
    await press('Enter');
    await focusIs('#inspector-pair');
    const offset = async (): Promise<number> => Number(/\+(0x[\da-f]+)/.exec(await text('.pair .says'))?.[1] ?? -1);
    await reads('.pair .says', /in A, [\da-f]{2} in B$/);
    const page = Math.floor((await offset()) / 4096);
    expect(last).toContain(figure(page));
    await press('Shift+N');
    await until('the place before', async () => (await offset()) < page * 4096 + 4096);
    const before = await offset();
    await press('n');
    await until('the next place', async () => (await offset()) > before);
    // What is marked differs, what is not does not.
    const cells = await inPage<
      { a: string; b: string; marked: boolean }[]
    >(`[...document.querySelectorAll('.pair [data-kind=bytes]')].flatMap((row) => {
      const [a, b] = [0, 1].map((side) => [...row.querySelectorAll('.cells[data-side="' + side + '"] > span')].flatMap((span) =>
        span.textContent.split(/ +/).filter((cell) => cell !== '').map((cell) => ({ cell, marked: span.classList.contains('differs') }))));
      return a.map(({ cell, marked }, at) => ({ a: cell, b: b[at]?.cell ?? '', marked }));
    })`);
    expect(cells.some(({ marked }) => marked)).toBe(true);
    for (const { a, b, marked } of cells) if (a !== '' && b !== '') expect([a, b, marked]).toEqual([a, b, a !== b]);
    // A key may still be on its way to its difference.
    for (let last = -2; last !== (await offset()); last = await offset()) await sleep(200);
    await press('Control+c');
    await reads('.pair .says', /^The row is copied as A and B have it\.$/);
    const row = await inPage<number>(
      `Number(document.querySelector('.pair .cursor').closest('[data-offset]').dataset.offset)`,
    );
    const copied = await launched.app.evaluate(({ clipboard }) => clipboard.readText());
    expect(copied).toMatch(
      new RegExp(`^[^+]+\\+0x${row.toString(16)}\nA  ([\\da-f]{2} ){16} .{16}\nB  ([\\da-f]{2} ){16} .{16}\n$`),
    );
    // A page that the first file has not: its pane says so, the other one has its bytes.
    await launched.page.keyboard.press('Shift+Tab');
    await tabTo('.runs [role=listbox]');
    await press('Home');
    for (let step = 0; !(await text('.runs [aria-selected=true]')).startsWith('added'); step += 1) {
      if (step > 50) throw new Error('no run was added');
      await press('ArrowDown');
    }
    await press('Enter');
    await reads('.pair .none .says', /^Not in this file: zeros in the guest\.$/);
    await picture('absent-1280');
    await press('Control+End');
    await until('the end of the block', async () => ((await offset()) + 1) % 4096 === 0);
    await press('n');
    await reads('.pair .says', /^No difference behind this place/);
    await press('Control+Home');
    await reads('.pair .says', /\+0x0,/);
  });

  it('differ in fields of devices, and in the structure of their files', async () => {
    await tabTo('.compare [role=radio][aria-checked=true]');
    await press('ArrowRight');
    await reads('.compare [aria-checked=true]', new RegExp(`^Devices, ${report.devices.length}$`));
    await reads('.flat .name', new RegExp(`^${report.devices[0]?.name ?? ''} ${report.devices[0]?.instance ?? ''}$`));
    await picture('devices-1280');
    expect(await axeViolations(launched.page, '.inspector')).toEqual([]);
    await press('ArrowRight');
    await reads('.compare [aria-checked=true]', new RegExp(`^Layout, ${layout.length}\\sparts?$`));
    await reads('.flat .name', new RegExp(`^${layout[0]?.part ?? ''}$`));
    await picture('layout-1280');
    await press('ArrowRight');
    await reads('.compare [aria-checked=true]', /^Memory/);
  });

  it.each(['light', 'dark'] as const)('are readable by everybody, %s, small and large', async (theme) => {
    await inPage(`document.documentElement.dataset.theme = '${theme}'`);
    for (const [width, height] of [
      [1280, 800],
      [1920, 1080],
    ] as const) {
      await launched.app.evaluate(
        ({ BrowserWindow }, size) => BrowserWindow.getAllWindows()[0]?.setContentSize(size.width, size.height),
        { width, height },
      );
      await until('the window has its size', async () => (await inPage<number>('innerWidth')) === width);
      await press('n');
      await sleep(300);
      await picture(`memory-${theme}-${width}`);
      expect(await axeViolations(launched.page, '.inspector')).toEqual([]);
    }
  });

  it('are seen in the pages, which say against what', async () => {
    const changed = report.blocks.find(({ name }) => name === 'pc.ram') ?? { added: 0, removed: 0, changed: 0 };
    const all = figure(changed.added + changed.removed + changed.changed).replace(/ /g, '\\s');
    await tabTo('[role=tab][aria-selected=true]');
    for (let step = 0; (await text('[role=tab][aria-selected=true]')) !== 'Pages'; step += 1) {
      if (step > 10) throw new Error('the arrow key never comes to the pages');
      await press('ArrowLeft');
    }
    await reads('[data-state=changed] .found', new RegExp(`^${all}$`));
    await reads('[data-panel="How pages are drawn"]', /Against later/);
    await sleep(300);
    await picture('pages-1920');
    expect(await axeViolations(launched.page, '.inspector')).toEqual([]);
    for (let step = 0; (await text('[role=tab][aria-selected=true]')) !== 'Compare'; step += 1) {
      if (step > 10) throw new Error('the arrow key never comes to the comparison');
      await press('ArrowRight');
    }
  });

  it('are let go of when the comparison ends', async () => {
    expect((await openFiles()).some((path) => path.includes('later'))).toBe(true);
    await tabTo('.compare [aria-label="End the comparison"]');
    await press('Enter');
    await reads('.inspector .empty', /compared with none/);
    await until(
      'nobody has the other file open',
      async () => !(await openFiles()).some((path) => path.includes('later')),
    );
    expect((await openFiles()).some((path) => path.includes('earlier'))).toBe(true);
  });
});

describe('a snapshot and a file of another form', () => {
  it('are compared in what they have: devices and structure, and it is said why not in pages', async () => {
    const stream = join(launched.dirs.root, 'earlier.stream');
    const file = await inPage<string>(`document.querySelector('.inspector h1').title`);
    expect((await cli('convert', file, stream, '--to', 'stream')).code).toBe(0);
    await launched.app.evaluate(({ dialog }, chosen) => {
      dialog.showOpenDialog = () => Promise.resolve({ canceled: false, filePaths: [chosen] });
    }, stream);
    await tabTo('.inspector .empty button');
    await press('Enter');
    await focusIs('dialog input[type=radio]');
    await press('Tab', 'Enter');
    await reads('.compare .with', /^with earlier\.stream$/);
    await reads('.compare .failure', /its pages have no fixed places/);
    await tabTo('.compare [role=radio][aria-checked=true]');
    await press('ArrowRight');
    await reads('.flat .none', /^The devices are the same\.$/);
    await press('ArrowRight');
    await reads('.compare [aria-checked=true]', /^Layout, \d+\sparts$/);
    expect(await text('.flat [role=listbox]')).toContain('block pc.ram');
  });
});

/** What main and the workers have open. */
async function openFiles(): Promise<readonly string[]> {
  const pids = await launched.app.evaluate(({ app }) => app.getAppMetrics().map(({ pid: one }) => one));
  const lists = pids.map(async (one) => {
    const folder = `/proc/${one}/fd`;
    const names = await readdir(folder).catch(() => []);
    return Promise.all(names.map((name) => readlink(join(folder, name)).catch(() => '')));
  });
  return (await Promise.all(lists)).flat();
}
