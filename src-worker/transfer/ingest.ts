/** From a stream, or from a mapped-ram file of another shape, to a mapped-ram file as QEMU lays one out. */
import { closeSync } from 'node:fs';
import type { Lease } from '@shared/contracts/lease';
import { readLegacyStream } from './legacy-reader';
import { MappedSource } from './mapped-source';
import { MappedWriter } from './mapped-writer';
import { openEnd, openFile, type OpenEnd } from './open';
import type { PagesInPlace } from './pages-in-place';
import { repack } from './repack';
import { seal } from './seal';
import { StreamInput } from './stream-input';
import { lookAtStream } from './stream-start';
import { TargetFile, type OpenChannel } from './target-file';
import type { Transfer } from './transfer';
import type { Turn } from './turn';

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
      await layOut(input, writer, file, target, turn);
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

/** Reads the whole stream, writes the whole file. Answers the file's length. */
async function layOut(
  input: StreamInput,
  writer: MappedWriter,
  file: TargetFile,
  target: Lease,
  turn: Turn,
): Promise<number> {
  await readLegacyStream(input, writer);
  await writer.finish(turn);
  return seal(file, target, writer.streamHeader, { name: input.name, end: input.offset });
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

/**
 * Writes everything of a mapped-ram file around pages that are in it already: `state` is a stream in a file, `target` the file
 * with the pages. The same steps as ingest, but that the plan is given and that some blocks' pages do not come from the stream.
 */
export async function layOutAround(
  state: Lease,
  target: Lease,
  inPlace: PagesInPlace,
  turn: Turn,
  openChannel: OpenChannel,
): Promise<{ readonly fileBytes: number; readonly streamPages: number; readonly presentPages: number }> {
  const from = openFile(state);
  try {
    const { start } = await lookAtStream(state);
    const file = new TargetFile(openChannel(target, { access: 'write', direct: false }));
    try {
      const writer = new MappedWriter(file, inPlace);
      const fileBytes = await layOut(new StreamInput(from, turn, start), writer, file, target, turn);
      const { stream, present } = writer.counts();
      return { fileBytes, streamPages: stream, presentPages: present };
    } finally {
      file.close();
    }
  } finally {
    closeSync(from.fd);
  }
}
