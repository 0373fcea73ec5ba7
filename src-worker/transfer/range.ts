/** A part of one RAMBlock as a plain image. */
import { hex } from '@shared/bytes/units';
import { fail } from '@shared/contracts/failure';
import type { Lease } from '@shared/contracts/lease';
import type { BlockRange } from '@shared/contracts/search';
import { GuestFile } from '../guest/guest-file';
import { copyPresent, type CopyCount } from './present-copy';
import { TargetFile, type OpenChannel } from './target-file';
import type { Transfer } from './transfer';

const DOING = 'exporting memory';

/** Opens both ends. `usage` when the file has no such block, or it ends before the range does. */
export async function openRange(
  source: Lease,
  target: Lease,
  range: BlockRange,
  openChannel: OpenChannel,
): Promise<Transfer> {
  const file = await GuestFile.open(source, DOING);
  try {
    const block = file.block(range.block, DOING);
    if (range.start >= range.end || range.end > block.length) {
      const what = `${range.block} has no bytes ${hex(range.start)} to ${hex(range.end)}`;
      throw fail('usage', DOING, what, `It is ${hex(block.length)} bytes long.`, { where: { path: source.name } });
    }
    const image = TargetFile.openNew(target, openChannel);
    const count: CopyCount = { bytesRead: 0, pages: 0, zeroPages: 0, done: 0 };
    return {
      form: 'mapped-ram',
      run: async (turn) => {
        await copyPresent(file, { block, start: range.start, end: range.end, target: 0 }, image, turn, count);
        image.resize(range.end - range.start);
      },
      progress: () => ({
        bytesRead: count.bytesRead,
        bytesWritten: image.bytesWritten,
        pages: count.pages,
        zeroPages: count.zeroPages,
        fraction: count.done / (range.end - range.start),
      }),
      close: async () => {
        image.close();
        file.close();
      },
    };
  } catch (error) {
    file.close();
    throw error;
  }
}
