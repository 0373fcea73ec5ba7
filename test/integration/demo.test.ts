import { demoLayout, demoRecipe, type DemoOptions } from '../../src-main/machines/demo';
import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { afterEach, describe, expect, test } from 'vitest';
import { writeGuestMemory } from '../support/guest-memory';
import { PlainQemu } from '../support/plain-qemu';
import { tempDirPerTest } from '../support/temp';
import { until } from '../support/until';

const resources = resolve(import.meta.dirname, '../../resources');
const folder = tempDirPerTest();
const started: PlainQemu[] = [];

afterEach(async () => {
  await Promise.all(started.splice(0).map((vm) => vm.stop()));
});

async function boot(options: Omit<DemoOptions, 'resources'>, more: readonly string[] = []): Promise<PlainQemu> {
  const recipe = demoRecipe({ resources, ...options });
  const vm = await PlainQemu.start({ argv: [...recipe.argv, ...more], folder: folder() });
  started.push(vm);
  await until('it counts', async () => (await readState(vm)).counter > 0n);
  return vm;
}

async function readState(vm: PlainQemu) {
  const state = await vm.readMemory(demoLayout.counter, 64);
  const at = (address: number): number => state.readUInt32LE(address - demoLayout.counter);
  return {
    counter: state.readBigUInt64LE(0),
    pass: at(demoLayout.pass),
    page: at(demoLayout.page),
    ticks: at(demoLayout.ticks),
    windowPages: at(demoLayout.windowPages),
    rateMiB: at(demoLayout.rateMiB),
    memoryMiB: at(demoLayout.memoryMiB),
  };
}

/** The first u64 of every page of the window. */
async function readWindow(vm: PlainQemu, pages: number): Promise<readonly bigint[]> {
  const bytes = await vm.readMemory(demoLayout.window, pages * demoLayout.pageSize);
  return Array.from({ length: pages }, (_, page) => bytes.readBigUInt64LE(page * demoLayout.pageSize));
}

describe('the image', () => {
  test('is what the assembly source assembles to', async () => {
    const image = join(folder(), 'demo.img');
    await promisify(execFile)('nasm', ['-f', 'bin', '-o', image, join(resources, 'demo', 'demo.asm')]);
    const [assembled, shipped] = await Promise.all([readFile(image), readFile(join(resources, 'demo', 'demo.img'))]);
    expect(assembled.length).toBe(512);
    expect(shipped.equals(assembled)).toBe(true);
  });

  test('keeps what it counts where demoLayout says', async () => {
    const source = await readFile(join(resources, 'demo', 'demo.asm'), 'utf8');
    const constant = (name: string): number => Number(new RegExp(`^${name}\\s+equ (\\w+)`, 'm').exec(source)?.[1]);
    const state = constant('STATE');
    expect({
      counter: state + constant('COUNTER'),
      pass: state + constant('PASS'),
      page: state + constant('PAGE'),
      ticks: state + constant('TICKS'),
      windowPages: state + constant('WINDOW_PAGES'),
      rateMiB: state + constant('RATE_MIB'),
      memoryMiB: state + constant('MEMORY_MIB'),
      window: constant('WINDOW'),
    }).toEqual({
      counter: demoLayout.counter,
      pass: demoLayout.pass,
      page: demoLayout.page,
      ticks: demoLayout.ticks,
      windowPages: demoLayout.windowPages,
      rateMiB: demoLayout.rateMiB,
      memoryMiB: demoLayout.memoryMiB,
      window: demoLayout.window,
    });
  });
});

describe.each(['q35', 'pc'] as const)('on a %s machine', (machine) => {
  test.each([
    { memoryMiB: 64, dirtyMiB: 60, dirtyMiBPerSecond: 1024 },
    { memoryMiB: 256, dirtyMiB: 16, dirtyMiBPerSecond: 64 },
    { memoryMiB: 4096, dirtyMiB: 2044, dirtyMiBPerSecond: 256 },
  ])('it counts with $memoryMiB MiB, $dirtyMiB MiB of them dirtied', async (options) => {
    const vm = await boot({ machine, ...options });
    await until('ticks', async () => (await readState(vm)).ticks > 8);
    await vm.qmp('stop');
    const state = await readState(vm);
    expect(state).toMatchObject({
      windowPages: options.dirtyMiB * 256,
      rateMiB: options.dirtyMiBPerSecond,
      memoryMiB: options.memoryMiB,
    });
    expect(state.counter).toBeGreaterThan(0n);
  });
});

test('every page of the window holds the count at which it was last written', async () => {
  const vm = await boot({ memoryMiB: 64, dirtyMiB: 8, dirtyMiBPerSecond: 0 });
  await until('passes', async () => (await readState(vm)).pass > 3);
  await vm.qmp('stop');
  const { counter, pass, page, windowPages } = await readState(vm);
  // The CPU may stop between counting a page (+1) and counting its pass (+ one window).
  expect([0, 1, windowPages]).toContain(Number(counter) - (pass * windowPages + page));
  const next = Number(counter) % windowPages;
  const passStart = Number(counter) - next;
  const wrong = (await readWindow(vm, windowPages)).flatMap((value, index) => {
    const expected = BigInt(index < next ? passStart + index : passStart - windowPages + index);
    return value === expected || Math.abs(index - next) <= 1 ? [] : [{ index, value, expected }];
  });
  expect(wrong).toEqual([]);
});

test('a tick writes as many pages as the rate asks for', async () => {
  const vm = await boot({ memoryMiB: 64, dirtyMiB: 32, dirtyMiBPerSecond: 100 });
  const started = await readState(vm);
  const begin = performance.now();
  await until('ticks', async () => (await readState(vm)).ticks >= started.ticks + 18);
  const seconds = (performance.now() - begin) / 1000;
  const { counter, ticks } = await readState(vm);
  // 14 × 18.2 pages a second are 1 MiB/s; the read may fall into a tick, so one tick of slack.
  expect(Math.abs(Number(counter) - ticks * 1400)).toBeLessThanOrEqual(1400);
  expect(seconds).toBeGreaterThan(0.8);
});

test('without a limit it dirties more than 1 GiB a second', async () => {
  const vm = await boot({ memoryMiB: 64, dirtyMiB: 16, dirtyMiBPerSecond: 0 });
  const [before, begin] = [(await readState(vm)).counter, performance.now()];
  await sleep(500);
  const pages = Number((await readState(vm)).counter - before);
  expect((pages * 4096) / ((performance.now() - begin) / 1000)).toBeGreaterThan(2 ** 30);
});

test('a nonce put into its RAM stays there, and it goes on counting', async () => {
  const socket = join(folder(), 'tools.sock');
  const vm = await boot({ memoryMiB: 64 }, ['-qmp', `unix:${socket},server=on,wait=off`]);
  const nonce = randomBytes(demoLayout.nonceLength);
  await writeGuestMemory(socket, demoLayout.nonce, nonce);
  expect(await vm.status()).toBe('running');
  const { counter } = await readState(vm);
  await until('it goes on', async () => (await readState(vm)).counter > counter);
  expect((await vm.readMemory(demoLayout.nonce, nonce.length)).equals(nonce)).toBe(true);
});

test('a nonce can be put into a paused VM, which stays paused', async () => {
  const socket = join(folder(), 'tools.sock');
  const vm = await boot({ memoryMiB: 64 }, ['-qmp', `unix:${socket},server=on,wait=off`]);
  await vm.qmp('stop');
  const nonce = randomBytes(3000);
  await writeGuestMemory(socket, 0x20_0000 + 48 * 2 ** 20 + 13, nonce);
  expect(await vm.status()).toBe('paused');
  expect((await vm.readMemory(0x20_0000 + 48 * 2 ** 20 + 13, nonce.length)).equals(nonce)).toBe(true);
});

test('a reset starts it over, with the same parameters', async () => {
  const vm = await boot({ memoryMiB: 64, dirtyMiB: 8, dirtyMiBPerSecond: 512 });
  await until('ticks', async () => (await readState(vm)).ticks > 12);
  await vm.qmp('system_reset');
  await until('it starts over', async () => {
    const { ticks } = await readState(vm);
    return ticks > 0 && ticks < 12;
  });
  expect(await readState(vm)).toMatchObject({ windowPages: 8 * 256, rateMiB: 512, memoryMiB: 64 });
});

test('it draws a grey title bar over a pattern that moves', async () => {
  const vm = await boot({ memoryMiB: 64 });
  const first = await takeScreen(vm);
  expect([first.width, first.height]).toEqual([720, 400]);
  const bar = Array.from({ length: 720 }, (_, x) => first.pixel(x, 1));
  expect(bar.filter((colour) => colour === 'aaaaaa' || colour === 'a8a8a8').length).toBe(720);
  const colours = new Set(first.area(36, 128, 684, 368));
  expect(colours.size).toBeGreaterThanOrEqual(3);
  await until('the pattern moves', async () => {
    const later = await takeScreen(vm);
    expect(later.area(0, 0, 400, 16)).toEqual(first.area(0, 0, 400, 16));
    return String(later.area(36, 128, 684, 368)) !== String(first.area(36, 128, 684, 368));
  });
});

/** QEMU's binary PPM: `P6 width height 255`, then three bytes a pixel. */
async function takeScreen(vm: PlainQemu) {
  const path = join(folder(), 'screen.ppm');
  await vm.qmp('screendump', { filename: path });
  const bytes = await readFile(path);
  const header = /^P6\n(\d+) (\d+)\n255\n/.exec(bytes.toString('latin1', 0, 64));
  const [width, height] = [Number(header?.[1]), Number(header?.[2])];
  const start = header?.[0].length ?? 0;
  const pixel = (x: number, y: number): string => {
    const at = start + (y * width + x) * 3;
    return bytes.toString('hex', at, at + 3);
  };
  const area = (left: number, top: number, right: number, bottom: number): readonly string[] =>
    Array.from({ length: (right - left) * (bottom - top) }, (_, index) =>
      pixel(left + (index % (right - left)), top + Math.floor(index / (right - left))),
    );
  return { width, height, pixel, area };
}
