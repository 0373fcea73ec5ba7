import type { ByteSource } from '@shared/bytes/source';
import { fileOffset, hex } from '@shared/bytes/units';
import type { SavedCheck } from '@shared/contracts/worker';
import { eachRuns, type Bitmap } from '@shared/mapped-ram/bitmap';
import { bitmapOf } from '@shared/mapped-ram/byte-order';
import type { FileSource } from '../io/file-source';
import { ExtentWalk } from './extent-walk';
import { inspectSnapshot } from './inspect';
import type { OpenSnapshot } from './open';

/** Most sentences in `wrong`: a disk that lost one write usually lost thousands. */
const MOST_LISTED = 20;

/**
 * Judges a file that QEMU has just called completed: the stream must parse to its end without an error, and every run of
 * present pages must have data under it. QEMU's multifd writer takes no notice of a short write, which leaves a hole there.
 */
export async function checkSaved(snapshot: OpenSnapshot, source: FileSource): Promise<SavedCheck> {
  const report = await inspectSnapshot(snapshot);
  const wrong = report.problems.filter(({ severity }) => severity === 'error').map(({ message }) => message);
  if (!report.complete && wrong.length === 0) wrong.push('The stream does not reach its end.');
  const lost = await findLostRuns(snapshot);
  wrong.push(...lost.slice(0, MOST_LISTED).map(sentence));
  if (lost.length > MOST_LISTED) wrong.push(`${lost.length - MOST_LISTED} more runs of pages were lost.`);
  return { ok: wrong.length === 0, wrong, holesKnown: await holesAreKnown(source), report };
}

/** Present pages, first to last, that have a hole under them. */
export interface LostRun {
  readonly block: string;
  readonly firstPage: number;
  readonly lastPage: number;
  readonly offset: number;
}

const sentence = ({ block, firstPage, lastPage, offset }: LostRun): string =>
  firstPage === lastPage
    ? `Page ${firstPage} of ${block} was lost: there is a hole at ${hex(offset)}.`
    : `Pages ${firstPage} to ${lastPage} of ${block} were lost: there is a hole at ${hex(offset)}.`;

/** Every run of present pages without data; none while the bitmaps' byte order is unknown (which is an error of its own). */
export async function findLostRuns(snapshot: OpenSnapshot): Promise<readonly LostRun[]> {
  const { source, stream, order } = snapshot;
  if (order === 'unknown') return [];
  const lost: LostRun[] = [];
  for (const block of stream.ramBlocks) {
    const bitmap = bitmapOf(block, stream.size);
    if (bitmap === null || !block.header?.mapped) continue;
    const { pageSize, mapped } = block.header;
    const walk = new ExtentWalk(source);
    const onHole = (start: number, end: number): void => {
      const firstPage = Math.floor((start - mapped.pages.offset) / pageSize);
      const lastPage = Math.ceil((end - mapped.pages.offset) / pageSize) - 1;
      lost.push({ block: block.name, firstPage, lastPage, offset: start });
    };
    await eachPresentRange(source, bitmap, order === 'either' ? 'little' : order, (first, end) =>
      walk.within(mapped.pages.offset + first * pageSize, mapped.pages.offset + end * pageSize, (kind, from, to) => {
        if (kind === 'hole') onHole(from, to);
      }),
    );
  }
  return lost;
}

function eachPresentRange(
  source: ByteSource,
  bitmap: Bitmap,
  order: 'little' | 'big',
  visit: (first: number, end: number) => Promise<void>,
): Promise<void> {
  return eachRuns(source, bitmap, order, async (runs) => {
    for (let at = 0; at + 1 < runs.length; at += 2) await visit(runs[at] ?? 0, runs[at + 1] ?? 0);
  });
}

/**
 * Whether the file system tells holes: it has told one, or none can be there because as many bytes are allocated as the
 * file is long. (ramfs, for one, calls everything data.)
 */
export async function holesAreKnown(source: FileSource): Promise<boolean> {
  const size = await source.size();
  const first = await source.extentAt(fileOffset(0));
  if (first === null || first.kind === 'hole' || first.offset + first.length < size) return true;
  return (await source.allocatedBytes()) >= size;
}
