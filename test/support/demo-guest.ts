/**
 * What the demo guest keeps in its memory (resources/demo/demo.asm), and whether it hangs together. Own numbers and code: it
 * imports nothing from src-*.
 */
import { randomBytes } from 'node:crypto';
import { readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Qmp } from './same-memory';
import { until } from './until';

const STATE = 0x10_0000;
const WINDOW = 0x20_0000;
const PAGE = 4096;

export interface DemoState {
  /** Pages written since the start. */
  readonly counter: number;
  /** How often the whole window was written. */
  readonly pass: number;
  /** The page that is written next. */
  readonly page: number;
  readonly windowPages: number;
}

/** What the guest counts, now. */
export async function readDemo(vm: Qmp, folder: string): Promise<DemoState> {
  const state = await read(vm, folder, STATE, 64);
  return {
    counter: Number(state.readBigUInt64LE(0)),
    pass: state.readUInt32LE(8),
    page: state.readUInt32LE(12),
    windowPages: state.readUInt32LE(32),
  };
}

/** Waits until the guest has written its whole window once. */
export async function demoIsFull(vm: Qmp, folder: string): Promise<void> {
  await until('the demo guest has written its window', async () => (await readDemo(vm, folder)).pass > 0, 30_000);
}

/** Waits until the guest has written its whole window once more than now: it goes on where it was. */
export async function expectDemoRunsOn(vm: Qmp, folder: string): Promise<void> {
  const before = await readDemo(vm, folder);
  await until(
    `the demo guest counts on from ${before.counter}`,
    async () => (await readDemo(vm, folder)).counter > before.counter + before.windowPages,
    30_000,
  );
}

/** Throws when a page of the window does not hold what the guest, which has to be stopped, wrote there last. */
export async function expectDemoWhole(vm: Qmp, folder: string): Promise<void> {
  const { counter, pass, page, windowPages } = await readDemo(vm, folder);
  // The CPU may stop between counting a page (+1) and counting its pass (+ one window).
  if (![0, 1, windowPages].includes(counter - (pass * windowPages + page))) {
    throw new Error(`the demo guest counted ${counter} pages, and ${pass} passes of ${windowPages} and ${page}`);
  }
  const bytes = await read(vm, folder, WINDOW, windowPages * PAGE);
  const next = counter % windowPages;
  for (let index = 0; index < windowPages; index++) {
    const value = Number(bytes.readBigUInt64LE(index * PAGE));
    const wanted = counter - next + index - (index < next ? 0 : windowPages);
    if (value !== wanted && Math.abs(index - next) > 1) {
      throw new Error(`page ${index} of the demo guest's window holds ${value}, not ${wanted}`);
    }
  }
}

async function read(vm: Qmp, folder: string, address: number, length: number): Promise<Buffer> {
  const file = join(folder, `demo-${randomBytes(4).toString('hex')}`);
  try {
    await vm.qmp('pmemsave', { val: address, size: length, filename: file });
    return await readFile(file);
  } finally {
    await rm(file, { force: true });
  }
}
