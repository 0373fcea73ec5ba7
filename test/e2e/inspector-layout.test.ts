/** The layout of the bytes in the real app: how many to a row, what stands beside them, by keys alone. */
import { mkdir, readFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { HEX_ROWS, READ_PICTURE } from '../support/hex-rows';
import { launchApp, type LaunchedApp } from '../support/electron';
import { makeGuestFile, type MadeGuestFile } from '../support/guest-file';
import { makeTempDir, removeTempDir } from '../support/temp';
import { until } from '../support/until';
import { axeViolations } from './axe';

const SCREENS = resolve(import.meta.dirname, '../../test-results/screens');
const PAGE = 4096;
const TEXT = 'a naïve café costs 5 €, says 🦔, and that is far more than a row';
const POINTER = 0xffff888012345678n;

let app: LaunchedApp;
let folder: string;
let file: MadeGuestFile;
let bytes: Buffer;
let pagesOffset: number;

beforeAll(async () => {
  folder = await makeTempDir();
  const image = new Uint8Array(64 * PAGE);
  for (let page = 0; page < 8; page += 1) image.fill(page + 1, page * PAGE, (page + 1) * PAGE);
  image.set(new TextEncoder().encode(TEXT), 3 * PAGE + 64);
  new DataView(image.buffer).setBigUint64(3 * PAGE + 32, POINTER, true);
  const absent = (page: number): boolean => page >= 8;
  file = await makeGuestFile(join(folder, 'm.mapped'), [{ name: 'pc.ram', image, pageSize: PAGE, absent }]);
  bytes = await readFile(file.path);
  pagesOffset = file.pagesOffset.get('pc.ram') ?? 0;
  app = await launchApp({ args: [file.path], size: { width: 1920, height: 1080 } });
  await mkdir(SCREENS, { recursive: true });
});
afterAll(async () => {
  await app?.close();
  await removeTempDir(folder);
});

const inPage = <T>(expression: string): Promise<T> => app.page.evaluate<T>(expression);
const press = async (...keys: readonly string[]): Promise<void> => {
  for (const key of keys) await app.page.keyboard.press(key);
};

interface ShownRow {
  readonly base: number;
  readonly gutter: string;
  readonly cells: readonly string[];
  readonly text: string;
  readonly note: string;
}
const rowOf = (offset: number): Promise<ShownRow | null> =>
  inPage(`(() => {
    ${HEX_ROWS}
    const row = [...document.querySelectorAll('[data-kind=bytes]')].findLast((one) => Number(one.dataset.from) <= ${offset});
    return row && { base: Number(row.dataset.base), gutter: row.querySelector('.gutter').textContent.replaceAll(' ', ''),
      cells: cellsOf(row), text: textOf(row),
      note: row.querySelector('.note')?.textContent.replace(/\\s+/g, ' ').trim() ?? '' };
  })()`);
async function goTo(offset: number): Promise<void> {
  await app.page.focus('#inspector-bytes');
  await press('g');
  await app.page.keyboard.type(`0x${offset.toString(16)}`);
  await press('Enter');
  await until('it is shown', async () => (await rowOf(offset))?.cells.some((one) => one !== '') ?? false);
  await until('the bytes have the focus again', () => inPage(`document.activeElement?.id === 'inspector-bytes'`));
}
/** By keys alone: the control has the focus, and the arrow keys choose. */
async function choose(label: string, keys: readonly string[]): Promise<void> {
  await app.page.focus(`[aria-label="${label}"]`);
  await press(...keys);
  await app.page.focus('#inspector-bytes');
}
const cell = (byte: number | undefined): string => (byte ?? 0).toString(16).padStart(2, '0');
const at = (): number => pagesOffset + 3 * PAGE + 64;

describe('the bytes', () => {
  it.each([
    ['32 columns', ['ArrowDown'], 32],
    ['to fit', ['ArrowDown'], 16],
    ['16 columns', ['Home'], 16],
  ] as const)('stand in rows of %s, and the cursor stays in view', async (_, keys, width) => {
    await goTo(at());
    await choose('Bytes in a row', keys);
    await until('it is shown', async () => (await rowOf(at()))?.cells.length === width);
    const row = await rowOf(at());
    expect(row?.base).toBe(at() - (at() % width));
    const base = row?.base ?? 0;
    expect(row?.cells).toEqual(Array.from(bytes.subarray(base, base + width), cell));
    const right = await inPage<number>(
      `Math.max(...[...document.querySelectorAll('.ascii, canvas.bytes')].map((one) => one.getBoundingClientRect().right))
        - document.querySelector('.track').getBoundingClientRect().left`,
    );
    expect(right).toBeLessThanOrEqual(0);
    const { read, wrong } = await inPage<{ read: number; wrong: readonly string[] }>(READ_PICTURE);
    expect(wrong).toEqual([]);
    expect(read).toBeGreaterThan(10 * width);
  });

  it('have UTF-8 beside them, with characters that rows cut', async () => {
    await choose('Text beside the bytes', ['ArrowDown']);
    const shown = async (): Promise<string> => {
      let text = '';
      for (let offset = at(); offset < at() + 80; offset += 16) text += (await rowOf(offset))?.text ?? '';
      return text.replaceAll('\u2010', '');
    };
    await until('it is shown', async () => (await shown()).includes(TEXT));
    await app.page.screenshot({ path: join(SCREENS, 'inspector-utf8.png') });
    await choose('Text beside the bytes', ['ArrowUp']);
    await until('it is shown', async () => (await shown()).includes('na··ve'));
  });

  it('have notes of text and addresses, and fields where there are some', async () => {
    expect((await rowOf(at() - 32))?.note).toBe(`0x${POINTER.toString(16)}`);
    await goTo(0);
    expect((await rowOf(0))?.note).toContain('magic');
  });

  it.each([
    ['block offset', 'Block', () => 3 * PAGE + 64],
    ['guest-physical address', 'Guest-physical', () => 3 * PAGE + 64],
    ['file offset', 'File', () => at()],
  ] as const)('have their %s beside them', async (_, text, address) => {
    await goTo(at());
    await app.page.focus('[aria-label="Addresses beside the bytes"] [aria-checked=true]');
    for (let tries = 0; tries < 3; tries += 1) {
      if ((await inPage<string>('document.activeElement.textContent.trim()')) === text) break;
      await press('ArrowRight');
    }
    const expected = address().toString(16).padStart(16, '0');
    await until('it is shown', async () => (await rowOf(at()))?.gutter === expected);
  });

  it('are read out, and nothing serious is found by axe', async () => {
    expect(await axeViolations(app.page, '.hex')).toEqual([]);
  });
});
