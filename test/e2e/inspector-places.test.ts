/** The location bar and the file map, used by keyboard alone, on a Linux guest with two CPUs that plain QEMU saved. */
import { mkdir } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { InspectReport, TranslateReport } from '@shared/contracts/inspect';
import type { PlaceReport } from '@shared/contracts/inspector-places';
import { runCli } from '../support/cli';
import { appEnv, launchApp, type LaunchedApp } from '../support/electron';
import { linuxArgv, linuxGuest } from '../support/linux-guest';
import { PlainQemu } from '../support/plain-qemu';
import { SerialConsole } from '../support/serial-console';
import { makeTempDir, removeTempDir } from '../support/temp';
import { axeViolations } from './axe';

const SCREENS = resolve(import.meta.dirname, '../../test-results/screens');
const FIELDS = ['offset', 'page', 'gpa', 'gva'] as const;

let launched: LaunchedApp;
let folder = '';
let path = '';
let pagesOffset = 0;
let size = 0;

beforeAll(async () => {
  folder = await makeTempDir();
  path = join(folder, 'memory.mapped');
  const serial = join(folder, 'serial');
  const argv = linuxArgv(await linuxGuest(), { serial, cpu: 'max,la57=off', more: ['-smp', '2'] });
  const vm = await PlainQemu.start({ argv, folder });
  try {
    const console = await SerialConsole.open(serial);
    await console.ready();
    console.close();
    await vm.qmp('stop');
    await vm.save(`file:${path}`, { mappedRam: true, channels: 2 });
  } finally {
    await vm.stop();
  }
  launched = await launchApp({ args: [path], size: { width: 1280, height: 800 } });
  const report = (await cli('inspect', path)) as InspectReport;
  pagesOffset = report.ramBlocks.find(({ name }) => name === 'pc.ram')?.pagesOffset ?? 0;
  ({ size } = report);
  await until('the file is open', async () => (await texts('[role=treeitem]')).length > 2);
  await inPage(`document.querySelector('#inspector-bytes').focus()`);
}, 180_000);

afterAll(async () => {
  await launched?.close();
  await removeTempDir(folder);
});

const cli = async (...args: readonly string[]): Promise<unknown> =>
  (await runCli([...args, '--json'], { env: appEnv(launched.dirs), cwd: folder })).json();

/** Runs in the page; strings, because the page's globals are the DOM's. */
const inPage = <T>(expression: string): Promise<T> => launched.page.evaluate<T>(expression);
const texts = (selector: string): Promise<string[]> =>
  inPage(
    `[...document.querySelectorAll(${JSON.stringify(selector)})].map((element) => element.textContent.replace(/\\s+/g, ' ').trim())`,
  );

async function until(what: string, holds: () => Promise<boolean>): Promise<void> {
  for (const deadline = performance.now() + 15_000; !(await holds());) {
    await sleep(20);
    if (performance.now() > deadline) throw new Error(`not in time: ${what}; ${(await texts('.location')).join()}`);
  }
}

async function press(...keys: readonly string[]): Promise<void> {
  for (const key of keys) await launched.page.keyboard.press(key);
}

/** G, a place, Enter. */
async function goTo(text: string): Promise<void> {
  await press('g');
  await launched.page.keyboard.type(text);
  await press('Enter');
  await until(`${text} is taken`, async () => (await texts('#inspector-place')).length === 0);
}

const hex = (value: number | bigint | string): string => BigInt(value).toString(16);
const grouped = (value: number | bigint | string): string =>
  hex(value)
    .padStart(16, '0')
    .replace(/(....)(?=.)/g, '$1 ');
const values = async (): Promise<string[]> =>
  Promise.all(FIELDS.map(async (field) => (await texts(`.place.${field} .value`))[0] ?? ''));

/** All four fields say what the worker says of an offset, by way of the command line. */
async function expectPlace(offset: number, cpu: number, gva?: string): Promise<PlaceReport> {
  const place = (await cli('locate', path, '--offset', String(offset), '--cpu', String(cpu))) as PlaceReport;
  const wanted = [
    grouped(offset),
    `${place.block} : ${place.page} +0x${hex(place.within ?? 0)}`,
    grouped(place.guestPhysical ?? 0),
    place.guestVirtual === null ? `not mapped in cpu ${cpu}` : grouped(gva ?? place.guestVirtual.address),
  ];
  await until(`it reads ${wanted.join(' | ')}`, async () => (await values()).join() === wanted.join());
  return place;
}
const underlined = (): Promise<string[]> =>
  inPage(`[...document.querySelectorAll('.location .typed')].map((field) => field.classList[1])`);

it('a file offset that is typed gives all others, with the field that decides', async () => {
  const offset = pagesOffset + 0x123_4567;
  await goTo(`0x${hex(offset)}`);
  const place = await expectPlace(offset, 0);
  expect(place.guestVirtual).not.toBeNull();
  expect(await underlined()).toEqual(['offset']);
  expect(await texts('.how p')).toEqual([
    `pages offset 0x${hex(pagesOffset)}`,
    expect.stringMatching(new RegExp(`^\\+ [\\d\\s]+ × 4096 \\+ 0x567, (present|zero)$`)) as string,
  ]);
  expect(place.decidedBy).toMatchObject({ name: 'pages offset', value: pagesOffset });
  expect(await texts('.place.gpa .t-label')).toEqual(['Guest-physical, derived']);
});

it('what is typed is known by its form: a register, one of another CPU, a page, addresses', async () => {
  const rip = (await cli('locate', path, '--register', 'rip')) as TranslateReport;
  await goTo('rip');
  await expectPlace(rip.fileOffset ?? 0, 0, rip.gva);
  expect(await underlined()).toEqual(['gva']);
  const gdt = (await cli('locate', path, '--register', 'gdt.base', '--cpu', '1')) as TranslateReport;
  await goTo('cpu1.gdt.base');
  await expectPlace(gdt.fileOffset ?? 0, 1, gdt.gva);
  expect(await inPage('document.querySelector("select.cpu").value')).toBe('1');
  await goTo('pc.ram:512+0x10');
  await expectPlace(pagesOffset + 512 * 4096 + 16, 1);
  expect(await underlined()).toEqual(['page']);
  await goTo('gpa 0x200040');
  await expectPlace(pagesOffset + 0x200040, 1);
  await goTo(`gva ${gdt.gva}`);
  expect(await underlined()).toEqual(['gva']);
});

it('the CPU is chosen by keys, and the address is that of its tables', async () => {
  await inPage('document.querySelector("select.cpu").focus()');
  await press('ArrowUp');
  await until('cpu 0 is chosen', async () => (await inPage('document.querySelector("select.cpu").value')) === '0');
  expect(await texts('.place.gva .t-label > :first-child')).toEqual(['Guest-virtual, cpu 0']);
  await press('Shift+F6');
  await inPage(`document.querySelector('#inspector-bytes').focus()`);
});

it('the guest-virtual address follows the cursor, and its way with every entry stands beside', async () => {
  const offset = pagesOffset + 0x40_0ff8;
  await goTo(`offset 0x${hex(offset)}`);
  await expectPlace(offset, 0);
  await press('ArrowDown');
  const place = await expectPlace(offset + 16, 0);
  const walk = place.walk?.steps ?? [];
  expect(walk.length).toBeGreaterThan(1);
  await until(
    'the way is drawn',
    async () => (await texts('[aria-label="Address walk"] .steps li')).length === walk.length + 1,
  );
  const links = await texts('[aria-label="Address walk"] .steps button');
  expect(links).toEqual([...walk.map(({ fileOffset }) => `0x${hex(fileOffset ?? 0)}`), `0x${hex(offset + 16)}`]);
});

it('where several addresses lead to a byte, the others are listed and can be taken', async () => {
  const banner = (await cli('locate', path, '--register', 'idt.base')) as TranslateReport;
  const found = (await cli('locate', path, '--offset', String(banner.fileOffset), '--cpu', '0')) as PlaceReport;
  const others = found.guestVirtual?.listed ?? [];
  expect(others.length).toBeGreaterThan(0);
  await goTo(`offset 0x${hex(banner.fileOffset ?? 0)}`);
  await expectPlace(banner.fileOffset ?? 0, 0);
  expect(await texts('.place.gva .t-label > :last-child')).toEqual([`+${others.length}`]);
  await until('they are listed', async () => (await texts('.others button')).join() === others.join());
  await inPage(`document.querySelector('.others button').focus()`);
  await press('Enter');
  await expectPlace(banner.fileOffset ?? 0, 0, others[0]);
  await inPage(`document.querySelector('#inspector-bytes').focus()`);
});

it('what leads nowhere is said at the bar, and what is not mapped is never empty', async () => {
  for (const [text, why] of [
    ['gva 0x10', /^0x10 is not mapped in cpu 0\. /],
    ['pc.ram:999999999', /^pc\.ram has \d+ pages; the last is \d+\.$/],
    ['gpa 0xfffffffff', /^no RAM is at guest-physical 0xfffffffff\.$/],
    ['cpu7.rip', /^it has no cpu 7\.$/],
  ] as const) {
    await press('g');
    await launched.page.keyboard.type(text);
    await press('Enter');
    await until(text, async () => why.test((await texts('.how')).join()));
    await press('Escape');
  }
  await goTo('offset 0');
  await until(
    'none of it is empty',
    async () => (await values()).join() === `${grouped(0)},not in a page,not guest memory,not guest memory`,
  );
});

const slider = (attribute: string): Promise<string> =>
  inPage(`document.querySelector('[aria-label="Place in the file"]').getAttribute('${attribute}')`);

it('the file map is walked by keys from band to band, and Enter goes there', async () => {
  await inPage(`document.querySelector('[aria-label="Place in the file"]').focus()`);
  await press('Home');
  const names: string[] = [];
  for (let step = 0; step < 9; step += 1) {
    names.push((await slider('aria-valuetext')).split(/,\s0x/)[0] ?? '');
    await press('ArrowRight');
  }
  expect(names.map((name) => name.replaceAll(/\s/g, ' '))).toEqual([
    'QEVM',
    'configuration',
    expect.any(String),
    'record',
    'header',
    expect.stringMatching(/^bitmap of pc\.ram, [\d.]+ (KiB|bytes)$/),
    'padding',
    'pages of pc.ram, 160 MiB',
    expect.stringMatching(/^\d+ small block/),
  ]);
  await press('ArrowLeft', 'ArrowLeft');
  expect(Number(await slider('aria-valuenow'))).toBe(pagesOffset);
  await press('Enter');
  await until('the cursor is there', async () => (await values())[0] === grouped(pagesOffset));
  expect((await texts('.tip'))[0]).toMatch(
    /^pages of pc\.ram, 160 MiB 0x[\da-f]+, page 0 0x[\da-f]+ to 0x[\da-f]+, 160 MiB$/,
  );
});

it('it zooms by keys down to one page, shows what is in view, and Esc shows all again', async () => {
  const middle = (): Promise<string[]> => texts('.file-map .middle');
  for (let step = 0; step < 12; step += 1) await press('+');
  await until('a page is in view', async () => /^4 KiB of /.test((await middle())[0] ?? ''));
  expect(await texts('.file-map .ruler span:first-child')).toEqual([`0x${hex(pagesOffset)}`]);
  await press('PageDown');
  expect(await texts('.file-map .ruler span:first-child')).toEqual([`0x${hex(pagesOffset + 4096)}`]);
  expect(Number(await slider('aria-valuenow'))).toBe(pagesOffset + 4096);
  await press('-');
  await until('four are', async () => /^16 KiB of /.test((await middle())[0] ?? ''));
  await press('Escape');
  expect(await middle()).toEqual([]);
  expect(await texts('.file-map .ruler .end')).toEqual([`0x${hex(size)}`]);
});

/** Colours of a band's allocation, from the left: whether a column is filled. */
const filled = (band: string): Promise<number[]> =>
  inPage(`(() => {
    const part = [...document.querySelectorAll('.file-map .part')].find((part) => part.querySelector('.band.${band}') !== null);
    const canvas = part.querySelector('canvas.allocated');
    const { data } = canvas.getContext('2d').getImageData(0, 0, canvas.width, 1);
    return Array.from({ length: canvas.width }, (_, at) => data[at * 4 + 3]);
  })()`);

it('below the bands it draws what is on disk: of pages some, of padding nothing', async () => {
  await until('padding is a hole', async () => {
    const cells = await filled('padding').catch(() => []);
    return cells.length > 20 && cells.slice(2).every((cell) => cell === 0);
  });
  await until('of pages there are some', async () => {
    const pages = await filled('pages').catch(() => []);
    return pages.some((cell) => cell > 200) && pages.some((cell) => cell < 200);
  });
});

it('a click goes to a place, and the wheel zooms around it', async () => {
  const box = await launched.page
    .locator('.file-map .part', { has: launched.page.locator('.band.pages') })
    .first()
    .boundingBox();
  if (box === null) throw new Error('there are pages');
  // A click tells whole pixels, a move may not.
  const [x, y] = [Math.round(box.x + box.width * 0.7), Math.round(box.y + 9)];
  await launched.page.mouse.move(x, y);
  await until('the tooltip tells', async () => /page/.test((await texts('.tip'))[0] ?? ''));
  const told = /0x([\da-f]+), page/.exec((await texts('.tip'))[0] ?? '')?.[1] ?? '';
  await launched.page.mouse.click(x, y);
  await until('the cursor is there', async () => (await values())[0] === grouped(`0x${told}`));
  await launched.page.mouse.wheel(0, -100);
  await until('it is closer', async () => (await texts('.file-map .middle')).length === 1);
  await launched.page.click('text=Whole file');
  await launched.page.mouse.move(5, 5);
});

it('has nothing that axe finds, and looks as it should', async () => {
  await mkdir(SCREENS, { recursive: true });
  await goTo('gpa 0x200040');
  await expectPlace(pagesOffset + 0x200040, 0);
  for (const [width, height, scale] of [
    [1280, 800, 'log'],
    [1920, 1080, 'linear'],
  ] as const) {
    await launched.app.evaluate(
      ({ BrowserWindow }, wanted) => BrowserWindow.getAllWindows()[0]?.setContentSize(wanted.width, wanted.height),
      { width, height },
    );
    await until('the window has its size', async () => (await inPage<number>('innerWidth')) === width);
    await launched.page.click(`.file-map [data-value="${scale}"]`);
    for (const theme of ['dark', 'light']) {
      await inPage(`void (document.documentElement.dataset.theme = '${theme}')`);
      await sleep(300);
      await launched.page.screenshot({ path: join(SCREENS, `inspector-places-${theme}-${width}.png`) });
      expect(await axeViolations(launched.page, '.file-map')).toEqual([]);
      expect(await axeViolations(launched.page, '.location')).toEqual([]);
      expect(await axeViolations(launched.page, '[aria-label="Address walk"]')).toEqual([]);
    }
  }
  expect(launched.pageErrors()).toEqual([]);
});
