/** One RAMBlock of a mapped-ram file as a plain image of its memory. */
import { fail } from '@shared/contracts/failure';
import type { Lease } from '@shared/contracts/lease';
import type { RamBlock } from '@shared/stream/model';
import { MappedSource } from './mapped-source';
import { TargetFile, type OpenChannel } from './target-file';
import type { Transfer } from './transfer';

const READ_BYTES = 4 * 1024 * 1024;

/** Opens both ends. `block` null: the largest. `usage` when the file has no such block. */
export async function openRaw(
  source: Lease,
  target: Lease,
  block: string | null,
  openChannel: OpenChannel,
): Promise<Transfer> {
  const file = await MappedSource.open(source);
  try {
    const chosen = choose(file, block);
    return rawOf(file, chosen, TargetFile.openNew(target, openChannel));
  } catch (error) {
    await file.close();
    throw error;
  }
}

function choose({ name, stream }: MappedSource, wanted: string | null): RamBlock {
  const candidates = stream.ramBlocks.filter((block) => wanted === null || block.name === wanted);
  const [first, ...others] = candidates;
  if (first !== undefined) return others.reduce((a, b) => (b.usedLength > a.usedLength ? b : a), first);
  const names = stream.ramBlocks.map((block) => block.name).join(', ');
  throw fail('usage', 'choosing a RAM block', `there is no RAM block ${String(wanted)}`, `There are: ${names}.`, {
    where: { path: name },
  });
}

function rawOf(file: MappedSource, block: RamBlock, image: TargetFile): Transfer {
  const pageSize = block.header?.pageSize ?? file.pageSize;
  const total = block.header?.pagesTotal ?? 0;
  const pagesOffset = block.header?.mapped?.pages.offset ?? 0;
  const buffer = Buffer.allocUnsafeSlow(READ_BYTES);
  let [pages, zeroPages] = [0, 0];
  return {
    form: 'mapped-ram',
    run: async (turn) => {
      await file.eachRun(block, READ_BYTES / pageSize, async (first, end, present) => {
        if (turn.due) await turn.pass();
        const length = (end - first) * pageSize;
        if (present) {
          file.readInto(buffer, 0, length, pagesOffset + first * pageSize);
          image.write(buffer.subarray(0, length), first * pageSize);
          pages += end - first;
        } else zeroPages += end - first;
      });
      image.resize(block.usedLength);
    },
    progress: () => ({
      bytesRead: file.bytesRead,
      bytesWritten: image.bytesWritten,
      pages,
      zeroPages,
      fraction: total === 0 ? 1 : (pages + zeroPages) / total,
    }),
    close: async () => {
      image.close();
      await file.close();
    },
  };
}
