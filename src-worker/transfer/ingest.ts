/** From an ordinary stream to a mapped-ram file. */
import { closeSync } from 'node:fs';
import { fail } from '@shared/contracts/failure';
import type { Lease } from '@shared/contracts/lease';
import { findContainer } from '@shared/stream/container';
import { LAYOUT } from '@shared/stream/layout';
import { withLease } from '../io/lease';
import { readLegacyStream } from './legacy-reader';
import { MappedWriter } from './mapped-writer';
import { openEnd, openSeekable, type OpenEnd } from './open';
import type { PagesInPlace } from './pages-in-place';
import { seal } from './seal';
import { StreamInput } from './stream-input';
import { TargetFile } from './target-file';
import type { Transfer } from './transfer';
import type { Turn } from './turn';

/** Opens both ends. Rejects with `file.*`, and `format.not-a-stream` or `format.unsupported` for a file that is no plain stream. */
export async function openIngest(source: Lease, target: Lease): Promise<Transfer> {
  const from = openEnd(source, 'read');
  try {
    const start = from.kind === 'pipe' ? 0 : await streamStart(source);
    const file = new TargetFile(openSeekable(target, 'change'));
    try {
      if (file.size() > 0) throw notEmpty(target);
      return ingest({ from, start }, file, target);
    } catch (error) {
      file.close();
      throw error;
    }
  } catch (error) {
    closeSync(from.fd);
    throw error;
  }
}

function ingest({ from, start }: { from: OpenEnd; start: number }, file: TargetFile, target: Lease): Transfer {
  const writer = new MappedWriter(file, null);
  let input: StreamInput | null = null;
  return {
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
  return seal(file, target, writer.streamHeader, { name: input.name, offset: input.offset });
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
): Promise<{ readonly fileBytes: number; readonly streamPages: number; readonly presentPages: number }> {
  const from = openSeekable(state, 'read');
  try {
    const start = await streamStart(state);
    const file = new TargetFile(openSeekable(target, 'change'));
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

/** Where in a file the stream begins. */
export const streamStart = (lease: Lease): Promise<number> =>
  withLease(lease, async (source) => {
    const container = await findContainer(source, await source.size(), LAYOUT, lease.streamOffset);
    if (container.libvirt?.finished !== false) return container.streamOffset;
    const what = 'libvirt marks this image as unfinished: its save was cut off';
    throw fail('format.truncated', 'opening the file', what, 'Choose a whole file.', { where: { path: lease.name } });
  });

/** The target of a transfer is a new file: nothing of anybody's is overwritten. */
export const notEmpty = (target: Lease): Error =>
  fail('file.exists', `opening ${target.name}`, 'there is something in it already', 'Choose a new name.', {
    where: { path: target.name },
  });
