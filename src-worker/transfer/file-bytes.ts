/** A part of a file of any kind, byte for byte. */
import { byteCount, fileOffset, hex } from '@shared/bytes/units';
import { fail } from '@shared/contracts/failure';
import type { TransferSetup } from '@shared/contracts/transfer';
import { openLease } from '../io/lease';
import { ExtentWalk } from '../snapshot/extent-walk';
import { TargetFile, type OpenChannel } from './target-file';
import type { Transfer } from './transfer';

const CHUNK_BYTES = 1024 * 1024;
const DOING = 'exporting bytes of the file';

/** Opens both ends. `usage` when the file ends before the range does. */
export async function openFileBytes(
  { source, target, start, end }: Extract<TransferSetup, { kind: 'bytes' }>,
  openChannel: OpenChannel,
): Promise<Transfer> {
  const file = await openLease(source);
  try {
    const size = await file.size();
    if (start >= end || end > size) {
      const what = `the file has no bytes ${hex(start)} to ${hex(end)}`;
      throw fail('usage', DOING, what, `It is ${hex(size)} bytes long.`, { where: { path: source.name } });
    }
    const out = TargetFile.openNew(target, openChannel);
    const walk = new ExtentWalk(file);
    let [done, bytesRead] = [start, 0];
    return {
      form: 'file',
      run: async (turn) => {
        while (done < end) {
          if (turn.due) await turn.pass();
          const stop = Math.min(end, done + CHUNK_BYTES);
          const data: { readonly from: number; readonly to: number }[] = [];
          await walk.within(done, stop, (kind, from, to) => {
            if (kind === 'data') data.push({ from, to });
          });
          for (const { from, to } of data) {
            const bytes = await file.read(fileOffset(from), byteCount(to - from));
            out.write(bytes, from - start);
            bytesRead += bytes.length;
          }
          done = stop;
        }
        out.resize(end - start);
      },
      progress: () => ({
        bytesRead,
        bytesWritten: out.bytesWritten,
        pages: 0,
        zeroPages: 0,
        fraction: (done - start) / (end - start),
      }),
      close: async () => {
        out.close();
        await file.close();
      },
    };
  } catch (error) {
    await file.close();
    throw error;
  }
}
