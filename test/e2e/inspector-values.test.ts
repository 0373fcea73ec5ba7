/** The Inspector's data panel by keyboard alone, on a file that plain QEMU saved: numbers, addresses, instructions, copying. */
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { InspectReport } from '@shared/contracts/inspect';
import { runCli } from '../support/cli';
import { appEnv, launchApp, type LaunchedApp } from '../support/electron';
import { saveWithPlainQemu } from '../support/plain-qemu';
import { makeTempDir, removeTempDir } from '../support/temp';
import { axeViolations } from './axe';

const SCREENS = resolve(import.meta.dirname, '../../test-results/screens');
const MEMORY = 32 * 2 ** 20;
const PANEL = '[aria-label="Data at cursor"]';
const CODE = '[aria-label="Disassembly"]';
/** The reset vector of the firmware's copy in RAM: `ljmp f000:e05b`. */
const RESET = 0xf_fff0;
/** Code of the firmware: its entry after the reset. */
const ENTRY = 0xf_e05b;

let launched: LaunchedApp;
let folder = '';
let bytes: Buffer;
let pages = 0;

beforeAll(async () => {
  folder = await makeTempDir();
  const path = join(folder, 'memory.mapped');
  await saveWithPlainQemu({
    argv: ['-M', 'q35', '-m', String(MEMORY / 2 ** 20)],
    folder,
    uri: `file:${path}`,
    live: true,
    migrate: { mappedRam: true },
    // The firmware has copied itself into RAM by then.
    prepare: () => sleep(1500),
  });
  bytes = await readFile(path);
  launched = await launchApp({ args: [path], size: { width: 1280, height: 800 } });
  const answer = await runCli(['inspect', path, '--json'], { env: appEnv(launched.dirs), cwd: folder });
  const { ramBlocks } = answer.json() as InspectReport;
  pages = ramBlocks.find(({ name }) => name === 'pc.ram')?.pagesOffset ?? 0;
  await mkdir(SCREENS, { recursive: true });
}, 180_000);

afterAll(async () => {
  await launched?.close();
  await removeTempDir(folder);
});

const inPage = <T>(expression: string): Promise<T> => launched.page.evaluate<T>(expression);
const press = async (...keys: readonly string[]): Promise<void> => {
  for (const key of keys) await launched.page.keyboard.press(key);
};
const text = (selector: string): Promise<string> =>
  inPage(`(document.querySelector(${JSON.stringify(selector)})?.textContent ?? '').replace(/\\s+/g, ' ').trim()`);

async function reads(selector: string, wanted: string | RegExp): Promise<void> {
  const fits = (found: string): boolean => (typeof wanted === 'string' ? found === wanted : wanted.test(found));
  const deadline = performance.now() + 15_000;
  for (let found = await text(selector); !fits(found); found = await text(selector)) {
    if (performance.now() > deadline) throw new Error(`${selector} reads "${found}", not ${String(wanted)}`);
    await sleep(20);
  }
}

async function tabTo(selector: string): Promise<void> {
  for (let tries = 0; tries < 80; tries += 1) {
    if (await inPage<boolean>(`document.activeElement.matches(${JSON.stringify(selector)})`)) return;
    await press('Tab');
  }
  throw new Error(`Tab does not lead to ${selector}`);
}

const grouped = (value: bigint): string => String(value).replace(/\B(?=(\d{3})+$)/g, ' ');
const offsetText = (offset: number): string => (offset.toString(16).padStart(16, '0').match(/.{4}/g) ?? []).join(' ');
const cursorIs = (offset: number): Promise<void> => reads('.place.offset .value', offsetText(offset));

async function goTo(offset: number): Promise<void> {
  await press('g');
  await launched.page.keyboard.type(offset.toString(16));
  await press('Enter');
  await cursorIs(offset);
}

async function clipboardIs(wanted: string): Promise<void> {
  const deadline = performance.now() + 10_000;
  for (;;) {
    const found = await launched.app.evaluate(({ clipboard }) => clipboard.readText());
    if (found === wanted) return;
    if (performance.now() > deadline) throw new Error(`the clipboard has ${found.slice(0, 200)}`);
    await sleep(20);
  }
}

/** Opens the menu by its key and takes its entry number `index`. */
async function copyAs(index: number): Promise<void> {
  await press('c');
  await reads(`${PANEL} [role=menuitem]:focus`, /Hex/);
  for (let at = 0; at < index; at += 1) await press('ArrowDown');
  await press('Enter');
  await reads(`${PANEL} [role=menu]`, '');
}

it('an entry of the interrupt table is read as numbers and as a vector that leads to its code', async () => {
  await cursorIs(0);
  const at = pages + 0x40;
  await goTo(at);
  const vector = bytes.readUInt32LE(at);
  expect(vector).not.toBe(0);
  await reads(`${PANEL} tbody tr:nth-child(5)`, new RegExp(`^u32 ?${String(vector).replace(/\B(?=(\d{3})+$)/g, '.')}`));
  const [segment, offset] = [bytes.readUInt16LE(at + 2), bytes.readUInt16LE(at)];
  const name = `INT 10h: ${segment.toString(16).padStart(4, '0')}:${offset.toString(16).padStart(4, '0')}`;
  await reads(`${PANEL} dl`, new RegExp(name));
  await reads(`${PANEL} dl dd:nth-of-type(1)`, /pc\.ram page|no RAM there|not mapped/);
  await launched.page.screenshot({ path: join(SCREENS, 'inspector-values-1280.png') });
  await tabTo(`${PANEL} dl dd:nth-of-type(7) button`);
  await press('Enter');
  await cursorIs(pages + segment * 16 + offset);
});

it('code is read as the CPU’s state says, or as chosen, and Enter on a branch goes where it leads', async () => {
  await tabTo(`${CODE} .toggle`);
  await press('Enter');
  await reads(`${CODE} .says`, /cpu 0: (real|protected) mode/);
  await goTo(pages + RESET);
  await tabTo(`${CODE} select`);
  await launched.page.keyboard.type('x86-16');
  await reads(`${CODE} .says`, /^Chosen here\./);
  // The same five bytes that the CPU starts with.
  await reads(`${CODE} li:nth-child(1)`, /ea 5b e0 00 f0$/);
  // In a list of choices letters choose.
  await press('Shift+Tab');
  await goTo(pages + ENTRY);
  await reads(`${CODE} li:nth-child(1) .at`, (pages + ENTRY).toString(16));
  expect(await inPage<number>(`document.querySelectorAll('${CODE} li').length`)).toBe(12);
  const branch = `${CODE} li button`;
  const target = await inPage<string>(`document.querySelector('${branch}').title.split('0x')[1]`);
  await tabTo(branch);
  await press('Enter');
  await cursorIs(Number.parseInt(target, 16));
});

it('a page that is not in the file ends the code with a sentence', async () => {
  await goTo(pages + MEMORY - 2 ** 20);
  await reads(`${CODE} .end`, /pc\.ram page [\d ]+ is not in the file: zeros in the guest\.$/);
});

it('the selection is copied in every way, from a menu that a key opens', async () => {
  await goTo(0);
  await press('Shift+ArrowRight', 'Shift+ArrowRight', 'Shift+ArrowRight');
  await reads(`${PANEL} .quiet`, '4 bytes selected');
  await reads(`${PANEL} dl`, /ASCII ?QEVM/);
  for (const [index, wanted, says] of [
    [0, '51 45 56 4d', '4 bytes copied as hex.'],
    [1, 'const unsigned char bytes[4] = {\n  0x51, 0x45, 0x56, 0x4d,\n};', '4 bytes copied as a C array.'],
    [2, 'QEVM', '4 bytes copied as text.'],
    [3, 'UUVWTQ==', '4 bytes copied as base64.'],
    [4, '0x0', 'File offset 0x0 copied.'],
  ] as const) {
    await copyAs(index);
    await reads(`${PANEL} [role=status]`, says);
    await clipboardIs(wanted);
  }
});

it.each([
  ['dark', 1280, 800],
  ['light', 1920, 1080],
] as const)('%s, %d × %d: looked at, and nothing that axe finds', async (theme, width, height) => {
  await launched.app.evaluate(
    ({ BrowserWindow }, size) => BrowserWindow.getAllWindows()[0]?.setContentSize(size.width, size.height),
    { width, height },
  );
  await inPage(`stillframe.invoke('shell', 'setSettings', [{ theme: '${theme}', singleKeys: true }])`);
  await goTo(pages + ENTRY);
  await reads(`${CODE} li:nth-child(1) .at`, (pages + ENTRY).toString(16));
  await sleep(200);
  await launched.page.screenshot({ path: join(SCREENS, `inspector-code-${theme}-${width}.png`) });
  expect(await axeViolations(launched.page, PANEL)).toEqual([]);
  expect(await axeViolations(launched.page, CODE)).toEqual([]);
});

it('numbers of 64 bits are there whole in the narrow panel, and nothing moves where times come and go', async () => {
  const values = [2n ** 64n - 1n, 2n ** 63n, 0x83b1_4fa2_9bc9_8401n, 1_764_000_000n, 1_764_000_000_000n, 0n];
  const path = join(folder, 'values');
  await writeFile(path, new BigUint64Array(values));
  await launched.app.evaluate(({ BrowserWindow, dialog }, chosen) => {
    BrowserWindow.getAllWindows()[0]?.setContentSize(1280, 800);
    dialog.showOpenDialog = () => Promise.resolve({ canceled: false, filePaths: [chosen] });
  }, path);
  await launched.page.click('button:has-text("Open file…")');
  await reads('.inspector h1', 'values');
  expect(await inPage(`document.querySelector('aside[aria-label="At the cursor"]').offsetWidth`)).toBe(292);
  const below = new Set<number>();
  for (const [index, value] of values.entries()) {
    await goTo(index * 8);
    // A long one breaks between its groups.
    await reads(`${PANEL} tbody tr:nth-child(7) td:nth-child(2)`, grouped(value));
    await launched.page.screenshot({ path: join(SCREENS, `inspector-values-whole-${index}.png`) });
    const { cut, end } = await inPage<{ readonly cut: readonly string[]; readonly end: number }>(`(() => {
      const panel = document.querySelector('${PANEL}');
      const shown = [panel, ...panel.querySelectorAll('td, dt, dd')];
      return {
        cut: shown.filter((each) => each.scrollWidth > each.clientWidth).map((each) => each.textContent),
        end: panel.querySelector('dl dd:nth-of-type(6)').getBoundingClientRect().bottom,
      };
    })()`);
    expect(cut).toEqual([]);
    below.add(end);
  }
  expect(below.size).toBe(1);
  await reads(`${PANEL} dl`, /Time, 64-bit le ?–/);
  await goTo(4 * 8);
  await reads(`${PANEL} dl`, /Unix ms le ?2025-11-24 16:00:00 UTC/);
});
