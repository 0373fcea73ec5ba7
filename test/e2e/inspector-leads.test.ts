/** Addresses that stand in a guest's memory, beside its bytes: where they lead, and going there. On a Linux guest. */
import { mkdir, open } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { TranslateReport } from '@shared/contracts/inspect';
import { runCli } from '../support/cli';
import { appEnv, launchApp, type LaunchedApp } from '../support/electron';
import { linuxArgv, linuxGuest } from '../support/linux-guest';
import { PlainQemu } from '../support/plain-qemu';
import { SerialConsole } from '../support/serial-console';
import { makeTempDir, removeTempDir } from '../support/temp';
import { until } from '../support/until';
import { axeViolations } from './axe';

const SCREENS = resolve(import.meta.dirname, '../../test-results/screens');
/** A row of two pointers into the kernel's own image, one behind the other. */
const TWO_POINTERS = '...[\\x80-\\xbf]\\xff\\xff\\xff\\xff...[\\x80-\\xbf]\\xff\\xff\\xff\\xff';
const POINTER = /0x[\da-f]{16}/;

let app: LaunchedApp;
let folder = '';
let path = '';

beforeAll(async () => {
  folder = await makeTempDir();
  path = join(folder, 'memory.mapped');
  const serial = join(folder, 'serial');
  const vm = await PlainQemu.start({ argv: linuxArgv(await linuxGuest(), { serial }), folder });
  try {
    const console = await SerialConsole.open(serial);
    await console.ready();
    console.close();
    await vm.qmp('stop');
    await vm.save(`file:${path}`, { mappedRam: true, channels: 2 });
  } finally {
    await vm.stop();
  }
  app = await launchApp({ args: [path], size: { width: 1920, height: 1080 } });
  await mkdir(SCREENS, { recursive: true });
}, 180_000);

afterAll(async () => {
  await app?.close();
  await removeTempDir(folder);
});

const cli = async <T>(...args: readonly string[]): Promise<T> =>
  (await runCli([...args, '--json'], { env: appEnv(app.dirs), cwd: folder })).json() as T;
const locate = (gva: string): Promise<TranslateReport> => cli('locate', path, '--gva', gva);

/** Runs in the page; strings, because the page's globals are the DOM's. */
const inPage = <T>(expression: string): Promise<T> => app.page.evaluate<T>(expression);
const noteAt = (offset: number): Promise<string> =>
  inPage(
    `document.querySelector('[data-kind=bytes][data-from="${offset}"] .note')?.textContent.replace(/\\s+/g, ' ').trim() ?? ''`,
  );
const isLink = (offset: number): Promise<boolean> =>
  inPage(`document.querySelector('[data-kind=bytes][data-from="${offset}"] .note button') !== null`);

async function goTo(offset: number): Promise<void> {
  await app.page.focus('#inspector-bytes');
  await app.page.keyboard.press('g');
  await app.page.keyboard.type(`0x${offset.toString(16)}`);
  await app.page.keyboard.press('Enter');
}

/** A row in view without unfolding whose first pointer leads to bytes in the file, by the command line. */
async function rowOfPointer(): Promise<{ at: number; report: TranslateReport }> {
  const { hits } = await cli<{ hits: { fileOffset: number }[] }>('find', path, '--regex', TWO_POINTERS);
  const rows = hits.map(({ fileOffset }) => fileOffset).filter((offset) => offset % 16 === 0 && offset % 4096 < 160);
  const file = await open(path);
  try {
    const pointers: { at: number; gva: bigint }[] = [];
    for (const at of rows) {
      const { buffer } = await file.read(Buffer.alloc(8), 0, 8, at);
      pointers.push({ at, gva: buffer.readBigUInt64LE() });
    }
    pointers.sort((a, b) => Number(a.gva - b.gva));
    for (let share = 0.5; share < 1; share += 0.1) {
      const { at, gva } = pointers[Math.floor(pointers.length * share)] ?? { at: 0, gva: 0n };
      const report = await locate(`0x${gva.toString(16)}`);
      if (report.fileOffset !== null) return { at, report };
    }
  } finally {
    await file.close();
  }
  throw new Error(`none of ${rows.length} rows, ${hits.length} hits`);
}

it('says of an address where it leads, as the command line does, and goes there', async () => {
  const { at, report } = await rowOfPointer();
  await goTo(at);
  const page = String(report.page).replace(/\B(?=(\d{3})+$)/g, ' ');
  const runs = !report.steps.some(({ flags }) => flags.includes('no execute'));
  await until('it is followed', () => isLink(at));
  expect((await noteAt(at)).replace(/[\s\u00a0\u2009\u202f]/g, ' ')).toBe(
    `${report.gva} ${runs ? 'executable, ' : ''}${report.block} : ${page}${report.present === true ? '' : ', zero page'}`,
  );
  for (const theme of ['dark', 'light']) {
    await inPage(`void (document.documentElement.dataset.theme = '${theme}')`);
    await app.page.screenshot({ path: join(SCREENS, `inspector-leads-${theme}-1920.png`) });
  }
  expect(await axeViolations(app.page, '.hex')).toEqual([]);
  await app.page.click(`[data-kind=bytes][data-from="${at}"] .note button`);
  const shown = `0x${(report.fileOffset ?? 0).toString(16)}`;
  await until('it is shown', async () =>
    (await inPage<string>(`document.querySelector('.hex .sr-only').textContent`)).startsWith(`${shown},`),
  );
  await app.page.focus('#inspector-bytes');
  await app.page.keyboard.press('Alt+ArrowLeft');
  await until('back', async () => POINTER.test(await noteAt(at)));
});
