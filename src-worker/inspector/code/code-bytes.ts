/** Bytes of code as the CPU fetches them: on over the end of a page by the guest's addresses, up to what is not there. */
import { byteCount, fileOffset, hex } from '@shared/bytes/units';
import type { Segment } from '@shared/contracts/inspector-port';
import type { Opened } from '../service';

/** Addresses go on together for this far at least. */
const UNIT = 4096;

export interface CodeBytes {
  readonly bytes: Uint8Array;
  /** Where each stretch is in the file: `at` bytes from the beginning, `offset` in the file. */
  readonly stretches: readonly { readonly at: number; readonly offset: number }[];
  /** Why there are fewer than were asked for, as a sentence; null when there are not. */
  readonly end: string | null;
}

/** Where a guest-virtual address is in the file; null where it is not. */
export type Locate = (address: bigint) => Promise<number | null>;

/** `virtual`: the address of `offset` and how to find others; null: code goes on as the file does. */
export async function readCode(
  { source, segments, file }: Pick<Opened, 'source' | 'segments' | 'file'>,
  offset: number,
  length: number,
  virtual: { readonly address: bigint; readonly locate: Locate } | null,
): Promise<CodeBytes> {
  const bytes = new Uint8Array(length);
  const stretches: { at: number; offset: number }[] = [];
  const ended = (done: number, end: string): CodeBytes => ({ bytes: bytes.subarray(0, done), stretches, end });
  const inPages = (await segments.around(offset, 0, 0))[0]?.pages?.block ?? null;
  let place = offset;
  for (let done = 0; done < length;) {
    if (virtual !== null && done > 0 && (virtual.address + BigInt(done)) % BigInt(UNIT) === 0n) {
      const address = virtual.address + BigInt(done);
      const next = await virtual.locate(address);
      if (next === null) return ended(done, `Guest-virtual ${hex(address)} is not in the file.`);
      place = next;
    }
    if (place >= file.size) return ended(done, 'The file ends here.');
    const [segment] = await segments.around(place, 0, 0);
    if (segment === undefined) return ended(done, 'The file ends here.');
    if (inPages !== null && segment.pages === null) return ended(done, `The pages of ${inPages} end here.`);
    const absent = whatIsMissing(segment, place);
    if (absent !== null) return ended(done, absent);
    const most = Math.min(length - done, segment.offset + segment.length - place, UNIT - (place % UNIT));
    const read = await source.read(fileOffset(place), byteCount(most));
    if (read.length === 0) return ended(done, 'The file ends here.');
    stretches.push({ at: done, offset: place });
    bytes.set(read, done);
    done += read.length;
    place += read.length;
  }
  return { bytes, stretches, end: null };
}

function whatIsMissing({ kind, pages }: Segment, place: number): string | null {
  const page = pages === null ? '' : `${pages.block} page ${Math.floor((place - pages.pagesOffset) / pages.pageSize)}`;
  if (pages?.present === false)
    return `${page} is not in the file: zeros in the guest${kind === 'data' ? ', older bytes on disk' : ''}.`;
  if (kind === 'data') return null;
  return pages === null
    ? `No bytes on disk at ${hex(place)}: it reads as zeros.`
    : `${page} is marked present, and there are no bytes on disk.`;
}
