/** From a stream, or from a mapped-ram file of another shape, to a mapped-ram file as QEMU lays one out. */
import { closeSync } from 'node:fs';
import type { Lease } from '@shared/contracts/lease';
import { readLegacyStream } from './legacy-reader';
import { MappedSource } from './mapped-source';
import { MappedWriter } from './mapped-writer';
import { openEnd, type OpenEnd } from './open';
import { repack } from './repack';
import { seal } from './seal';
import { StreamInput } from './stream-input';
import { lookAtStream } from './stream-start';
import { TargetFile, type OpenChannel } from './target-file';
import type { Transfer } from './transfer';

/**
 * Opens both ends. Rejects with `file.*`, and for a file with `format.not-a-stream`, or `format.unsupported` when a program
 * packed the stream.
 */
export async function openIngest(source: Lease, target: Lease, openChannel: OpenChannel): Promise<Transfer> {
  const from = openEnd(source, 'read');
  try {
    const { start, form } = from.kind === 'pipe' ? ({ start: 0, form: 'stream' } as const) : await lookAtStream(source);
    if (form === 'mapped-ram') {
      const transfer = await openRepack(source, target, openChannel);
      closeSync(from.fd);
      return transfer;
    }
    return ingest(from, start, TargetFile.openNew(target, openChannel), target);
  } catch (error) {
    closeSync(from.fd);
    throw error;
  }
}

function ingest(from: OpenEnd, start: number, file: TargetFile, target: Lease): Transfer {
  const writer = new MappedWriter(file, null);
  let input: StreamInput | null = null;
  return {
    form: 'stream',
    run: async (turn) => {
      input = new StreamInput(from, turn, start);
      await readLegacyStream(input, writer);
      await writer.finish(turn);
      await seal(file, target, writer.streamHeader, { name: input.name, end: input.offset });
    },
    progress: () => ({
      bytesRead: input === null ? 0 : input.offset - start,
      bytesWritten: file.bytesWritten,
      pages: writer.pages,
      zeroPages: writer.zeroPages,
      fraction: input === null ? 0 : input.fraction,
    }),
    close: async () => {
      closeSync(from.fd);
      file.close();
    },
  };
}

async function openRepack(source: Lease, target: Lease, openChannel: OpenChannel): Promise<Transfer> {
  const mapped = await MappedSource.open(source);
  try {
    const file = TargetFile.openNew(target, openChannel);
    const writer = new MappedWriter(file, null);
    const allPages = mapped.stream.ramBlocks.reduce((sum, { header }) => sum + (header?.pagesTotal ?? 0), 0);
    return {
      form: 'mapped-ram',
      run: async (turn) => {
        await repack(mapped, writer, turn);
        await writer.finish(turn);
        await seal(file, target, writer.streamHeader, { name: mapped.name, end: mapped.stream.end });
      },
      progress: () => ({
        bytesRead: mapped.bytesRead,
        bytesWritten: file.bytesWritten,
        pages: writer.pages,
        zeroPages: writer.zeroPages,
        fraction: allPages === 0 ? 1 : (writer.pages + writer.zeroPages) / allPages,
      }),
      close: async () => {
        file.close();
        await mapped.close();
      },
    };
  } catch (error) {
    await mapped.close();
    throw error;
  }
}
