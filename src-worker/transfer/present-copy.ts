/** Copying the present pages of a part of a block, holes as holes. */
import type { GuestBlock, GuestFile } from '../guest/guest-file';
import type { TargetFile } from './target-file';
import type { Turn } from './turn';

/** Bytes read and written at a time. */
const CHUNK_BYTES = 1024 * 1024;

/** A part of a block and where it goes in the target. */
export interface Part {
  readonly block: GuestBlock;
  readonly start: number;
  readonly end: number;
  readonly target: number;
}

/** What was copied so far. */
export interface CopyCount {
  bytesRead: number;
  pages: number;
  zeroPages: number;
  /** Bytes of the parts that are behind, absent pages included. */
  done: number;
}

/**
 * Copies in steps. `look` sees every stretch of present pages: its bytes, and where in the block they begin. Throws `file.*`,
 * and what `turn` throws when the work is given up.
 */
export async function copyPresent(
  file: GuestFile,
  { block, start, end, target }: Part,
  into: TargetFile,
  turn: Turn,
  count: CopyCount,
  look: (bytes: Uint8Array, offset: number) => void = () => undefined,
): Promise<void> {
  const { pageSize, present } = block;
  const buffer = Buffer.allocUnsafeSlow(CHUNK_BYTES);
  const lastPage = Math.ceil(end / pageSize);
  for (let at = start; at < end;) {
    if (turn.due) await turn.pass();
    const page = Math.floor(at / pageSize);
    const first = present.next(page, lastPage, true);
    const from = Math.max(at, Math.min(end, first * pageSize));
    count.zeroPages += Math.min(first, lastPage) - page;
    const most = Math.min(end, from + CHUNK_BYTES);
    const behind = Math.min(most, present.next(first, lastPage, false) * pageSize);
    count.done += Math.max(from, behind) - at;
    at = Math.max(from, behind);
    if (behind <= from) continue;
    const bytes = buffer.subarray(0, behind - from);
    file.readGroup(block, from, bytes);
    look(bytes, from);
    into.write(bytes, target + (from - start));
    count.bytesRead += bytes.length;
    count.pages += Math.ceil(bytes.length / pageSize);
  }
}
