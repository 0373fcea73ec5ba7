/**
 * The other way round: which virtual addresses map a guest-physical page. The whole tree of tables is gone through once and
 * kept as runs, in which both kinds of address go on together, so that a kernel's map of all RAM is a few of them.
 *
 * Tables are hostile like everything in a file: they may refer to themselves, and a walk through all ways would not end within
 * a life. Tables and runs are counted; `complete` tells whether all was seen.
 */
import { guestPhysical } from '../bytes/units';
import type { AddressSpace, TableTree } from './table-tree';
import type { GuestMemory } from './walk';

/** What both addresses are counted in: the smallest page there is. */
export const FRAME_BYTES = 4096;
/** Virtual addresses have 64 bits: so many frames. */
const ALL_FRAMES = 2 ** 52;
/** Runs are looked for in groups of this many. */
const GROUP = 256;

export interface RunLimits {
  readonly tables: number;
  /** At most 2^24. */
  readonly runs: number;
}

export interface Mapped {
  /** How many virtual pages map it. */
  readonly total: number;
  /** Addresses of those pages in 4 KiB, the preferred one first and then ascending; at most as many as asked for. */
  readonly pages: readonly number[];
}

/** Runs by guest-physical frame. */
export class MappedRuns {
  readonly #frames: Float64Array;
  readonly #pages: Float64Array;
  readonly #lengths: Float64Array;
  /** Behind the last frame of any run of the group. */
  readonly #groupEnds: Float64Array;

  private constructor(
    list: RunList,
    /** False: the tables went on past the limits. */
    readonly complete: boolean,
  ) {
    const order = list.order();
    this.#frames = Float64Array.from(order, (at) => list.frames[at] ?? 0);
    this.#pages = Float64Array.from(order, (at) => list.pages[at] ?? 0);
    this.#lengths = Float64Array.from(order, (at) => list.lengths[at] ?? 0);
    this.#groupEnds = new Float64Array(Math.ceil(order.length / GROUP));
    for (let at = 0; at < order.length; at += 1) {
      const group = Math.floor(at / GROUP);
      this.#groupEnds[group] = Math.max(this.#groupEnds[group] ?? 0, this.#endOf(at));
    }
  }

  /**
   * Goes through all tables of a CPU. `pause` is called before each table: it may wait, so that others have their turn, and
   * what it throws ends the work. I/O failures reject.
   */
  static async collect(
    memory: GuestMemory,
    { trees, untranslatedBelow }: AddressSpace,
    limits: RunLimits,
    pause: () => Promise<void> | undefined,
  ): Promise<MappedRuns> {
    const list = new RunList(limits.runs);
    if (untranslatedBelow !== null) list.add(0, 0, untranslatedBelow / FRAME_BYTES);
    const left = { tables: limits.tables };
    let complete = true;
    for (const tree of trees) complete = (await new TreeRuns(memory, tree, list, left, pause).collect()) && complete;
    return new MappedRuns(list, complete);
  }

  get bytes(): number {
    return (this.#frames.length * 3 + this.#groupEnds.length) * 8;
  }

  get length(): number {
    return this.#frames.length;
  }

  /**
   * What maps a guest-physical frame. Preferred is the address in the longest run: that is the kernel's own map of all RAM
   * where there is one. Of equal ones the lowest.
   */
  of(frame: number, most: number): Mapped {
    const found = this.#runsOver(frame);
    const addressOf = (at: number): number => (this.#pages[at] ?? 0) + frame - (this.#frames[at] ?? 0);
    const [first, ...others] = found
      .map((at) => ({ page: addressOf(at), length: this.#lengths[at] ?? 0 }))
      .sort((a, b) => b.length - a.length || a.page - b.page);
    if (first === undefined) return { total: 0, pages: [] };
    const rest = others.map(({ page }) => page).sort((a, b) => a - b);
    return { total: found.length, pages: [first.page, ...rest].slice(0, most) };
  }

  #runsOver(frame: number): readonly number[] {
    const end = this.#firstAfter(frame);
    const found: number[] = [];
    for (let group = 0; group * GROUP < end; group += 1) {
      if ((this.#groupEnds[group] ?? 0) <= frame) continue;
      for (let at = group * GROUP; at < Math.min(end, (group + 1) * GROUP); at += 1) {
        if (this.#endOf(at) > frame) found.push(at);
      }
    }
    return found;
  }

  /** The first run that begins behind a frame. */
  #firstAfter(frame: number): number {
    let [from, to] = [0, this.#frames.length];
    while (from < to) {
      const middle = Math.floor((from + to) / 2);
      if ((this.#frames[middle] ?? 0) <= frame) from = middle + 1;
      else to = middle;
    }
    return from;
  }

  #endOf(at: number): number {
    return (this.#frames[at] ?? 0) + (this.#lengths[at] ?? 0);
  }
}

/** Runs as they are found. */
class RunList {
  frames = new Float64Array(1024);
  pages = new Float64Array(1024);
  lengths = new Float64Array(1024);
  #count = 0;

  constructor(readonly most: number) {}

  /** False: there is no room for another. */
  add(frame: number, page: number, length: number): boolean {
    const last = this.#count - 1;
    const before = this.lengths[last] ?? 0;
    if (last >= 0 && this.frames[last] === frame - before && this.pages[last] === page - before) {
      this.lengths[last] = before + length;
      return true;
    }
    if (this.#count >= this.most) return false;
    if (this.#count === this.frames.length) this.#grow();
    this.frames[this.#count] = frame;
    this.pages[this.#count] = page;
    this.lengths[this.#count] = length;
    this.#count += 1;
    return true;
  }

  /** Numbers of the runs by frame. Sorted as numbers of 64 bits, which needs no comparing function. */
  order(): Uint32Array {
    const keys = new BigUint64Array(this.#count);
    for (let at = 0; at < this.#count; at += 1) keys[at] = (BigInt(this.frames[at] ?? 0) << 24n) + BigInt(at);
    keys.sort();
    return Uint32Array.from(keys, (key) => Number(BigInt.asUintN(24, key)));
  }

  #grow(): void {
    const larger = (array: Float64Array): Float64Array<ArrayBuffer> => {
      const grown = new Float64Array(array.length * 2);
      grown.set(array);
      return grown;
    };
    [this.frames, this.pages, this.lengths] = [larger(this.frames), larger(this.pages), larger(this.lengths)];
  }
}

class TreeRuns {
  constructor(
    readonly memory: GuestMemory,
    readonly tree: TableTree,
    readonly list: RunList,
    readonly left: { tables: number },
    readonly pause: () => Promise<void> | undefined,
  ) {}

  /** False when a limit ended it. */
  collect(): Promise<boolean> {
    return this.#table(0, this.tree.start, 0);
  }

  /** `page`: of what the first entry maps, without the bits above those that are translated. */
  async #table(depth: number, start: number, page: number): Promise<boolean> {
    const { tree } = this;
    const level = tree.levels[depth];
    if (level === undefined || this.left.tables <= 0) return false;
    this.left.tables -= 1;
    await this.pause();
    const entryFrames = 2 ** level.shift / FRAME_BYTES;
    const bytes = 2 ** level.indexBits * tree.entryBytes;
    for (let at = 0; at < bytes; at += FRAME_BYTES) {
      const piece = await this.memory.read(guestPhysical(start + at), Math.min(FRAME_BYTES, bytes - at));
      if (piece === null) continue;
      const view = new DataView(piece.buffer, piece.byteOffset, piece.byteLength);
      for (let place = 0; place < piece.length; place += tree.entryBytes) {
        const low = view.getUint32(place, true);
        const high = tree.entryBytes === 8 ? view.getUint32(place + 4, true) : 0;
        const kind = tree.kindOf(low, high, level);
        if (kind === 'none') continue;
        const mapped = page + ((at + place) / tree.entryBytes) * entryFrames;
        const target = tree.addressOf(low, high, level, kind);
        const goesOn =
          kind === 'page'
            ? this.list.add(target / FRAME_BYTES, this.#whole(mapped), entryFrames)
            : await this.#table(depth + 1, target, mapped);
        if (!goesOn) return false;
      }
    }
    return true;
  }

  /** The page's whole address, in frames. */
  #whole(page: number): number {
    const [first] = this.tree.levels;
    const frames = first === undefined ? 1 : 2 ** (first.shift + first.indexBits) / FRAME_BYTES;
    const isUpper = this.tree.above === 'ones' || (this.tree.above === 'repeated' && page >= frames / 2);
    return isUpper ? ALL_FRAMES - frames + page : page;
  }
}
