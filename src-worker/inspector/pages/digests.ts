import { byteCount, fileOffset } from '@shared/bytes/units';
import { DIGEST_BYTES } from '@shared/contracts/channels';
import type { Lease } from '@shared/contracts/lease';
import { decodeDigests } from '@shared/mapped-ram/digests-file';
import { withLease } from '../../io/lease';
import type { BlockFacts } from './block-facts';
import { countBits } from './bits';
import type { KnownFile } from './known-file';
import type { ScanEnd, ScanWork } from './scan';
import { PageWindows, presentBytes, throughWindows, type PageWindow, type ScanThreads } from './windows';

/** Digests of 4 TiB; more is no file of ours. */
const MOST_BYTES = 32 * 1024 * 1024;
/** A digest, two words of 32 bits. */
const DIGEST_WORDS = 2;

const NONE =
  'There are no digests to compare with: they are taken by Stillframe’s own channels, and kept in the snapshot’s folder.';

/** The digests of one block, as words; two zeros where none is known. */
type Taken = ReadonlyMap<BlockFacts, Uint32Array>;

/** Compares every unit of 1 MiB with the digest that was taken when it was saved. */
export class DigestsScan implements ScanWork {
  doneBytes = 0;
  totalBytes = 0;
  readonly #lease: Lease | null;
  readonly #file: () => Promise<KnownFile>;
  readonly #threads: ScanThreads;
  #taken: Taken | null = null;
  #windows: PageWindows | null = null;

  constructor(lease: Lease | null, file: () => Promise<KnownFile>, threads: ScanThreads) {
    this.#lease = lease;
    this.#file = file;
    this.#threads = threads;
  }

  /** Why it cannot be done, as far as that is known at once. */
  get impossible(): string | null {
    return this.#lease === null ? NONE : null;
  }

  async run(stopped: () => boolean): Promise<ScanEnd> {
    if (this.#lease === null) return { impossible: NONE };
    const blocks = await (await this.#file()).blocks();
    const taken = (this.#taken ??= await readTaken(this.#lease, blocks));
    if (taken.size === 0)
      return { impossible: 'The digests are of other RAM blocks, or of other units of them, than this file has.' };
    const covered = [...taken.keys()];
    this.totalBytes = covered.reduce((sum, block) => sum + presentBytes(block), 0);
    // Where no page is present any more, one may have been.
    this.#windows ??= new PageWindows(covered, { empty: true });
    return throughWindows(
      await this.#threads.open(),
      this.#windows,
      async (thread, { block, first, count }) => (await thread.digestPages(block.name, first, count)).digests,
      (window, digests) => {
        this.doneBytes += window.bytes;
        compare(window, taken.get(window.block) ?? new Uint32Array(0), new Uint32Array(digests.slice().buffer));
      },
      stopped,
    );
  }
}

/** Rejects with `format.*` when it is no file of digests. */
async function readTaken(lease: Lease, blocks: readonly BlockFacts[]): Promise<Taken> {
  const bytes = await withLease(lease, async (source) =>
    source.read(fileOffset(0), byteCount(Math.min(MOST_BYTES, await source.size()))),
  );
  const { unitBytes, blocks: taken } = decodeDigests(bytes, lease.name);
  if (unitBytes !== DIGEST_BYTES) return new Map();
  return new Map(
    blocks.flatMap((block) => {
      const found = taken.find(
        ({ name, usedLength }) => name === block.name && usedLength === block.pages * block.pageSize,
      );
      return found === undefined ? [] : [[block, new Uint32Array(found.digests.slice().buffer)] as const];
    }),
  );
}

/**
 * Marks the present pages of units that differ, or all of its pages where none is present. A unit without a digest is not
 * judged: nothing was there, or it was written again after its digest was taken.
 */
function compare({ block, first }: PageWindow, taken: Uint32Array, found: Uint32Array): void {
  const { pageSize, pages, present } = block;
  const firstUnit = Math.floor((first * pageSize) / DIGEST_BYTES);
  for (let unit = 0; unit * DIGEST_WORDS < found.length; unit++) {
    const at = (firstUnit + unit) * DIGEST_WORDS;
    const [low, high] = [taken[at] ?? 0, taken[at + 1] ?? 0];
    const [foundLow, foundHigh] = [found[unit * DIGEST_WORDS], found[unit * DIGEST_WORDS + 1]];
    if ((low === 0 && high === 0) || (low === foundLow && high === foundHigh)) continue;
    const from = Math.floor(((firstUnit + unit) * DIGEST_BYTES) / pageSize);
    const to = Math.min(pages, Math.ceil(((firstUnit + unit + 1) * DIGEST_BYTES) / pageSize));
    if (countBits(present, null, from, to) === 0) block.mark('mismatch', from, to);
    else block.markPresent('mismatch', from, to);
  }
}
