/** The synthetic guest: see `SyntheticApi`. */
import { setImmediate as breathe } from 'node:timers/promises';
import { fileOffset } from '@shared/bytes/units';
import { fail } from '@shared/contracts/failure';
import type { Lease } from '@shared/contracts/lease';
import type { SyntheticApi, SyntheticGuestOptions, SyntheticWritten } from '@shared/contracts/synthetic';
import { openFileChannel } from '../io/file-channel';
import type { SeekableChannel } from '../io/seekable';
import { Memory } from './memory';

/** How long it writes before other calls get a turn: a sync is answered within this. */
const SLICE_MS = 2;
/** Most writes between two looks at the clock. */
const WRITES_AT_A_TIME = 16;

/** A guest that is not there at first. */
export function createSyntheticGuest(): SyntheticApi {
  let guest: Guest | null = null;

  const present = (): Guest => {
    if (guest === null) throw fail('worker.refused', 'driving a guest', 'there is no guest', 'Make one first.');
    return guest;
  };

  return {
    async makeGuest(ram, options) {
      guest?.end();
      guest = null;
      checkOptions(options);
      guest = await Guest.make(ram, options);
    },
    async runGuest() {
      present().run();
    },
    async syncGuest() {
      return present().takeDirty();
    },
    async freezeGuest() {
      return present().freeze();
    },
    async endGuest() {
      guest?.end();
      guest = null;
    },
  };
}

class Guest {
  /** The turn that writes; null: it is frozen. A turn that finds another one here ends. */
  #turn: object | null = null;
  /** Why it stopped by itself: its memory could not be written. */
  #failure: Error | null = null;
  #ended = false;

  private constructor(
    private readonly ram: SeekableChannel,
    private readonly memory: Memory,
    private readonly options: SyntheticGuestOptions,
  ) {}

  static async make(lease: Lease, options: SyntheticGuestOptions): Promise<Guest> {
    const ram = openFileChannel(lease, { access: 'write', direct: false });
    try {
      const memory = new Memory(options, (bytes, at) => ram.writev([bytes], fileOffset(at)));
      while (memory.fill()) await breathe();
      return new Guest(ram, memory, options);
    } catch (error) {
      ram.close();
      throw error;
    }
  }

  run(): void {
    if (this.#turn !== null || this.options.workingSetBytes < this.options.pageSize) return;
    const turn = {};
    this.#turn = turn;
    this.#write(turn).catch((error: unknown) => {
      this.#failure = error instanceof Error ? error : new Error(String(error));
      this.#turn = null;
    });
  }

  /** Slice after slice, in between which the calls of this guest are answered: none comes amid a page and its mark. */
  async #write(turn: object): Promise<void> {
    const { mibPerSecond, pageSize } = this.options;
    const pagesPerMs = mibPerSecond === 0 ? null : (mibPerSecond * 2 ** 20) / pageSize / 1000;
    const startedAt = performance.now();
    let written = 0;
    const due = (): number => (pagesPerMs === null ? Infinity : (performance.now() - startedAt) * pagesPerMs - written);
    while (this.#turn === turn) {
      const sliceEnd = performance.now() + SLICE_MS;
      while (performance.now() < sliceEnd && due() >= 1) {
        const count = Math.floor(Math.min(WRITES_AT_A_TIME, due()));
        for (let at = 0; at < count; at += 1) this.memory.writeNext();
        written += count;
      }
      await (due() < 1 ? pause() : breathe());
    }
  }

  takeDirty(): Uint8Array {
    this.#check();
    return this.memory.takeDirty();
  }

  freeze(): SyntheticWritten {
    this.#check();
    this.#turn = null;
    return this.memory.written;
  }

  end(): void {
    this.#turn = null;
    if (!this.#ended) this.ram.close();
    this.#ended = true;
  }

  #check(): void {
    if (this.#failure !== null) throw this.#failure;
  }
}

const pause = (): Promise<void> => new Promise((resolve) => void setTimeout(resolve, 1));

function checkOptions(options: SyntheticGuestOptions): void {
  const { ramBytes, pageSize, workingSetBytes, mibPerSecond, zeroShare, zeroAgainShare, seed } = options;
  const wrong = (what: string): Error => fail('usage', 'making a guest', what, 'Change the guest’s options.');
  if (!Number.isInteger(Math.log2(pageSize)) || pageSize < 512) throw wrong(`${pageSize} bytes are no page`);
  if (!Number.isSafeInteger(ramBytes) || ramBytes <= 0 || ramBytes % pageSize !== 0) {
    throw wrong(`${ramBytes} bytes of RAM are no whole pages`);
  }
  if (!(workingSetBytes >= 0 && workingSetBytes <= ramBytes)) throw wrong('the working set is larger than the RAM');
  if (!(mibPerSecond >= 0)) throw wrong('its rate is below 0');
  if (![zeroShare, zeroAgainShare].every((share) => share >= 0 && share <= 1)) throw wrong('a share is outside 0 … 1');
  if (!Number.isSafeInteger(seed)) throw wrong('its seed is no whole number');
}
