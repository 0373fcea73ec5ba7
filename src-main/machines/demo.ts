/**
 * The demo guest: resources/demo/demo.asm, one boot sector that counts, draws and dirties memory. Its parameters are put
 * into guest RAM by QEMU's `loader` device at every reset, so one image serves every size and rate.
 */
import path from 'node:path';
import { byteCount, guestPhysical, type ByteCount, type GuestPhysical } from '@shared/bytes/units';
import { fail } from '@shared/contracts/failure';
import type { Recipe } from '@shared/contracts/machines';

/** Where the guest keeps what it counts. The same numbers stand in demo.asm, little-endian in the guest. */
export const demoLayout = {
  /** u64: pages written since the start. */
  counter: guestPhysical(0x10_0000),
  /** u32: how often the whole window was written. */
  pass: guestPhysical(0x10_0008),
  /** u32: the page of the window that is written next. */
  page: guestPhysical(0x10_000c),
  /** u32: rounds of the main loop; about 18.2 a second. */
  ticks: guestPhysical(0x10_0010),
  /** u32 each: pages in the window, MiB to dirty per second (0: no limit), MiB of memory. */
  windowPages: guestPhysical(0x10_0020),
  rateMiB: guestPhysical(0x10_0024),
  memoryMiB: guestPhysical(0x10_0028),
  /** 64 bytes that the guest never reads or writes. */
  nonce: guestPhysical(0x10_0800),
  nonceLength: byteCount(64),
  /** The window: page p starts with the u64 that the counter was when p was last written. */
  window: guestPhysical(0x20_0000),
  pageSize: byteCount(4096),
} as const satisfies Record<string, GuestPhysical | ByteCount>;

export interface DemoOptions {
  /** The project's resources folder, which has demo/demo.img. */
  readonly resources: string;
  /** 64 … 4096; 256 when not given. */
  readonly memoryMiB?: number | undefined;
  /** The window that is written over and over; at most the memory less 4 MiB, or 2044. 64, or what fits. */
  readonly dirtyMiB?: number | undefined;
  /** 0 … 4096, 0: as fast as the CPU goes; 64 when not given. */
  readonly dirtyMiBPerSecond?: number | undefined;
  /** `q35` when not given. */
  readonly machine?: 'q35' | 'pc' | undefined;
}

const PAGES_PER_MIB = 256;
/** Above this a machine may put RAM beyond 4 GiB, which the guest, 32 bits wide, does not reach. */
const RAM_BELOW_4_GIB_MIB = 2048;
/** 2 MiB below the window and as much above it, where the BIOS keeps its tables. */
const NOT_IN_WINDOW_MIB = 4;

function whole(value: number, name: string, least: number, most: number): number {
  if (Number.isInteger(value) && value >= least && value <= most) return value;
  throw fail('usage', 'describing the demo VM', `${name} is ${value}`, `Give a whole number from ${least} to ${most}.`);
}

const parameter = (address: GuestPhysical, value: number): readonly string[] => [
  '-device',
  `loader,addr=0x${address.toString(16)},data=${value},data-len=4`,
];

/**
 * The recipe of a demo VM: TCG, VGA, no network, no writable disk.
 *
 * The boot sector is a read-only virtio disk, so that any number of VMs share it and a restore finds no changed disk; the
 * geometry is given because SeaBIOS refuses a disk that is smaller than one cylinder of its guess.
 *
 * @throws StillframeError `usage` when a value is out of range.
 */
export function demoRecipe(options: DemoOptions): Recipe {
  const memoryMiB = whole(options.memoryMiB ?? 256, 'the memory in MiB', 64, 4096);
  const windowMost = Math.min(memoryMiB, RAM_BELOW_4_GIB_MIB) - NOT_IN_WINDOW_MIB;
  const dirtyMiB = whole(options.dirtyMiB ?? Math.min(64, memoryMiB - 16), 'the dirtied memory in MiB', 1, windowMost);
  const rateMiB = whole(options.dirtyMiBPerSecond ?? 64, 'the rate in MiB/s', 0, 4096);
  const image = path.join(options.resources, 'demo', 'demo.img');
  return {
    name: 'stillframe-demo',
    program: 'qemu-system-x86_64',
    argv: [
      ...['-name', 'stillframe-demo', '-no-user-config', '-nodefaults'],
      ...['-machine', options.machine ?? 'q35', '-accel', 'tcg', '-m', `${memoryMiB}M`],
      ...['-vga', 'std', '-display', 'none'],
      '-blockdev',
      JSON.stringify({
        driver: 'raw',
        'node-name': 'demo',
        'read-only': true,
        file: { driver: 'file', filename: image },
      }),
      ...['-device', 'virtio-blk-pci,drive=demo,bootindex=0,lcyls=1,lheads=1,lsecs=1'],
      ...parameter(demoLayout.windowPages, dirtyMiB * PAGES_PER_MIB),
      ...parameter(demoLayout.rateMiB, rateMiB),
      ...parameter(demoLayout.memoryMiB, memoryMiB),
    ],
    env: {},
    cwd: '/',
  };
}
