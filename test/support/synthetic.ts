/** Saves of synthetic guests with real workers, and a reading of their files that shares no code with what wrote them. */
import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { createFileRegistry } from '../../src-main/files/registry';
import type { Worker } from '../../src-main/services';
import { SyntheticGuest } from '../../src-main/synthetic/guest';
import type { SyntheticRooms } from '../../src-main/synthetic/save';
import { createChannelPool } from '../../src-main/workers/channel-pool';
import { createWorkerPool } from '../../src-main/workers/pool';
import type { SyntheticGuestOptions, SyntheticSaveOptions } from '../../src-shared/contracts/synthetic';

const MIB = 1024 * 1024;

export interface TestRooms extends SyntheticRooms {
  /** The pids of the workers that were started for this purpose ("copying memory": a channel), oldest first. */
  pidsOf(purpose: string): readonly number[];
  /** A guest that ends with the rooms. */
  guest(change?: Partial<SyntheticGuestOptions>): Promise<SyntheticGuest>;
  end(): Promise<void>;
}

/** What a synthetic save needs, over workers of that kind. */
export function openRooms(start: (purpose: string) => Promise<Worker>): TestRooms {
  const started: { readonly purpose: string; readonly worker: Worker }[] = [];
  const guests: SyntheticGuest[] = [];
  const files = createFileRegistry();
  const startNoted = async (purpose: string): Promise<Worker> => {
    const worker = await start(purpose);
    started.push({ purpose, worker });
    return worker;
  };
  const workers = createWorkerPool(startNoted);
  const channels = createChannelPool(startNoted);
  const rooms = { files, workers, channels };
  return {
    ...rooms,
    pidsOf: (wanted) => started.flatMap(({ purpose, worker }) => (purpose === wanted ? [worker.pid ?? 0] : [])),
    guest: async (change = {}) => {
      const guest = await SyntheticGuest.make(rooms, { ...GUEST, ...change });
      guests.push(guest);
      return guest;
    },
    end: async () => {
      for (const guest of guests) await guest.end();
      await channels.dispose();
      await workers.dispose();
    },
  };
}

const GUEST: SyntheticGuestOptions = {
  ramBytes: 64 * MIB,
  pageSize: 4096,
  workingSetBytes: 16 * MIB,
  mibPerSecond: 64,
  zeroShare: 0.3,
  zeroAgainShare: 0.1,
  seed: 1,
};

export const syntheticSave = (out: string, change: Partial<SyntheticSaveOptions> = {}): SyntheticSaveOptions => ({
  out,
  mode: 'live',
  channels: 2,
  directIo: false,
  downtimeMs: 100,
  mostPasses: 30,
  liveLimitSeconds: 10,
  bytesPerSecond: null,
  ...change,
});

export interface Comparison {
  readonly pages: number;
  readonly present: number;
  /** Pages that are present, but other than in the memory, or not present although they are not zero there. */
  readonly wrong: readonly number[];
  /** Pages that are not present, but hold bytes other than zeros in the file. */
  readonly stale: readonly number[];
}

/** A plain script without types, which shares nothing with the project. */
const WALK = pathToFileURL(join(import.meta.dirname, '../independent/walk.mjs')).href;

interface Walk {
  walk(path: string): {
    readonly ramBlocks: readonly {
      readonly pageSize: number;
      readonly usedLength: number;
      readonly bitmapOffset: number;
      readonly pagesOffset: number;
    }[];
  };
}

/** Holds a mapped-ram file with one RAMBlock against the file with the guest's memory, page by page. */
export async function compareWithMemory(file: string, memory: string): Promise<Comparison> {
  const { walk } = (await import(WALK)) as Walk;
  const [block] = walk(file).ramBlocks;
  if (block === undefined) throw new Error('there is no RAMBlock');
  const [saved, ram] = [openSync(file, 'r'), openSync(memory, 'r')];
  try {
    const { pageSize, usedLength, bitmapOffset, pagesOffset } = block;
    if (fstatSync(ram).size !== usedLength) throw new Error(`the block has ${usedLength} bytes`);
    const pages = usedLength / pageSize;
    const bitmap = Buffer.alloc(Math.ceil(pages / 64) * 8);
    readSync(saved, bitmap, 0, bitmap.length, bitmapOffset);
    const zeros = Buffer.alloc(pageSize);
    const [ours, theirs] = [Buffer.alloc(pageSize), Buffer.alloc(pageSize)];
    const wrong: number[] = [];
    const stale: number[] = [];
    let present = 0;
    for (let page = 0; page < pages; page += 1) {
      readSync(saved, ours, 0, pageSize, pagesOffset + page * pageSize);
      readSync(ram, theirs, 0, pageSize, page * pageSize);
      const word = bitmap.readBigUInt64LE(Math.floor(page / 64) * 8);
      if ((word >> BigInt(page % 64)) % 2n === 1n) {
        present += 1;
        if (!ours.equals(theirs)) wrong.push(page);
      } else {
        if (!theirs.equals(zeros)) wrong.push(page);
        if (!ours.equals(zeros)) stale.push(page);
      }
    }
    return { pages, present, wrong, stale };
  } finally {
    closeSync(saved);
    closeSync(ram);
  }
}
