/** Device fields, registers and guest-virtual addresses in the Inspector, on a Linux guest that plain QEMU saved. */
import { mkdir } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { DevicesReport } from '@shared/contracts/devices';
import type { TranslateReport } from '@shared/contracts/inspect';
import { runCli } from '../support/cli';
import { appEnv, launchApp, type LaunchedApp } from '../support/electron';
import { linuxArgv, linuxGuest } from '../support/linux-guest';
import { PlainQemu } from '../support/plain-qemu';
import { SerialConsole } from '../support/serial-console';
import { makeTempDir, removeTempDir } from '../support/temp';

const SCREENS = resolve(import.meta.dirname, '../../test-results/screens');

let launched: LaunchedApp;
let folder = '';
let path = '';
let devices: DevicesReport['devices'] = [];

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
  devices = ((await cli('devices', path, '--json')) as DevicesReport).devices;
}, 180_000);

afterAll(async () => {
  await launched?.close();
  await removeTempDir(folder);
});

const cli = async (...args: readonly string[]): Promise<unknown> =>
  (await runCli(args, { env: appEnv(launched.dirs), cwd: folder })).json();

/** Runs in the page; strings, because the page's globals are the DOM's. */
const inPage = <T>(expression: string): Promise<T> => launched.page.evaluate<T>(expression);
const texts = (selector: string): Promise<string[]> =>
  inPage(
    `[...document.querySelectorAll(${JSON.stringify(selector)})].map((element) => element.textContent.replace(/\\s+/g, ' ').trim())`,
  );
const rows = (): Promise<string[]> => texts('[role=treeitem]');

async function until(what: string, holds: () => Promise<boolean>): Promise<void> {
  for (const deadline = performance.now() + 20_000; !(await holds());) {
    await sleep(20);
    if (performance.now() > deadline) {
      throw new Error(`not in time: ${what}; ${JSON.stringify({ rows: await rows(), why: await texts('.how') })}`);
    }
  }
}

async function press(...keys: readonly string[]): Promise<void> {
  for (const key of keys) await launched.page.keyboard.press(key);
}

async function filter(text: string): Promise<void> {
  await press('Escape', 'f');
  await launched.page.keyboard.type(text);
}

const number = (text: string | undefined): bigint => BigInt(`0x${(text ?? '').replaceAll(' ', '')}`);
const cursor = async (): Promise<number> => Number(number((await texts('.place.offset .value'))[0]));

/** A picture in both themes, to be looked at. */
async function picture(name: string): Promise<void> {
  await mkdir(SCREENS, { recursive: true });
  for (const [width, height] of [
    [1280, 800],
    [1920, 1080],
  ] as const) {
    await launched.app.evaluate(
      ({ BrowserWindow }, size) => {
        BrowserWindow.getAllWindows()[0]?.setContentSize(size.width, size.height);
      },
      { width, height },
    );
    await until('the window has its size', async () => (await inPage<number>('innerWidth')) === width);
    for (const theme of ['dark', 'light']) {
      await inPage(`void (document.documentElement.dataset.theme = '${theme}')`);
      await sleep(200);
      await launched.page.screenshot({ path: join(SCREENS, `${name}-${theme}-${width}.png`) });
    }
  }
}

it('finds a register by its name, of every CPU, and shows the bytes that hold it', async () => {
  await until('the file is open', async () => (await rows()).length > 2);
  await filter('rip');
  const expected = devices.flatMap(({ registers }) => {
    const rip = registers?.['rip'];
    return rip === undefined || typeof rip === 'object' ? [] : [`rip 0x${BigInt(rip).toString(16)}`];
  });
  expect(expected).toHaveLength(2);
  await until('both are there', async () => {
    const shown = await rows();
    return expected.every((row) => shown.includes(row));
  });
  const [first] = await inPage<string[]>(
    `[...document.querySelectorAll('[role=treeitem]')].filter((row) => row.textContent.trim().startsWith('rip')).map((row) => row.dataset.node)`,
  );
  await launched.page.click(`[data-node="${first}"]`);
  await until('the field is told', async () =>
    (await texts('[aria-label="Field at cursor"] dd')).some((text) => text === 'env.eip'),
  );
  const at = await cursor();
  const cpu = devices.find(({ registers }) => registers !== undefined);
  expect(at).toBeGreaterThan(cpu?.dataOffset ?? 0);
  expect(at).toBeLessThan((cpu?.dataOffset ?? 0) + (cpu?.dataLength ?? 0));
});

it('opens a device down to its fields by the keyboard', async () => {
  await filter('');
  await press('Escape');
  const device = devices.find(({ name }) => name === 'cpu_common');
  await until('the tree is whole again', async () => (await rows()).some((row) => row.startsWith('VMDESCRIPTION')));
  await inPage(`document.querySelector('[role=tree] [tabindex="0"]').focus()`);
  await press('Home');
  const label = (): Promise<string> => inPage(`document.activeElement?.textContent.replace(/\\s+/g, ' ').trim() ?? ''`);
  const down = async (wanted: RegExp): Promise<void> => {
    for (let step = 0; step < 300 && !wanted.test(await label()); step++) await press('ArrowDown');
    expect(await label()).toMatch(wanted);
  };
  await down(/^Devices/);
  await press('ArrowRight');
  await down(/^cpu_common/);
  await press('ArrowRight');
  await down(/^data/);
  await press('ArrowRight');
  await until('its fields are there', async () => (await rows()).some((row) => row.startsWith('halted')));
  await down(/^halted/);
  await press('Enter');
  await until('the cursor is on it', async () => (await cursor()) === device?.dataOffset);
  await launched.app.evaluate(({ BrowserWindow }) => BrowserWindow.getAllWindows()[0]?.setContentSize(1920, 1080));
  await until('the bytes are labelled with the fields', async () =>
    (await texts('.note')).some((note) => /\bhalted\b/.test(note)),
  );
  await picture('inspector-fields');
});

it('goes to where a register points, and draws the way through the page tables', async () => {
  const walk = (await cli('locate', path, '--register', 'rip', '--cpu', '1', '--json')) as TranslateReport;
  expect(walk.steps.length).toBeGreaterThanOrEqual(3);
  await launched.page.click('.place.gva');
  await launched.page.keyboard.type('rip @ 1');
  await press('Enter');
  await until('the cursor is there', async () => (await cursor()) === walk.fileOffset);
  expect(number((await texts('.place.gva .value'))[0])).toBe(BigInt(walk.gva));
  const steps = await texts('[aria-label="Address walk"] .steps li:not(.end)');
  expect(steps).toEqual(
    walk.steps.map(
      ({ table, index, fileOffset, value, leadsTo, flags }) =>
        `${table} [${index}] ${value ?? ''} 0x${(fileOffset ?? 0).toString(16)} ${[...flags, leadsTo].join(', ')}`,
    ),
  );
  await picture('inspector-translation');
  await launched.page.click('[aria-label="Address walk"] .steps li:nth-child(2) button');
  await until('the entry is shown', async () => (await cursor()) === walk.steps[1]?.fileOffset);
  // The way stays in view while its entries are looked at.
  expect((await texts('[aria-label="Address walk"] .from'))[0]).toBe(`rip ${walk.gva}`);
  await press('Alt+ArrowLeft');
  await until('back', async () => (await cursor()) === walk.fileOffset);
  await inPage(`document.querySelector('#inspector-bytes').focus()`);
  await press('ArrowRight');
  await until('one byte further', async () => number((await texts('.place.gva .value'))[0]) === BigInt(walk.gva) + 1n);
});

it('says why an address leads nowhere', async () => {
  for (const [typed, why] of [
    // CPU 1 is chosen by now.
    ['0x10', /^0x10 is not mapped in cpu 1\. Its .* entry at guest-physical 0x.* is not present\.$/],
    ['xyz', /^cpu 1 has no register xyz\.$/],
    ['rip @ 9', /^it has no cpu 9\.$/],
    ['?', /An address is hexadecimal/],
  ] as const) {
    await launched.page.click('.place.gva');
    await launched.page.keyboard.type(typed);
    await press('Enter');
    await until(typed, async () => why.test((await texts('.how')).join()));
    await press('Escape');
  }
});
