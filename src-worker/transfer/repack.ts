/** A mapped-ram file as the source of another one: out of a libvirt image, from behind an offset, without its stale pages. */
import type { RamBlock } from '@shared/stream/model';
import type { MappedSource } from './mapped-source';
import type { StreamSink } from './stream-sink';
import type { Turn } from './turn';

const READ_BYTES = 4 * 1024 * 1024;

/** Tells `sink` all of a mapped-ram file that is whole. Rejects with `file.*`. */
export async function repack(file: MappedSource, sink: StreamSink, turn: Turn): Promise<void> {
  const { stream, pageSize } = file;
  const { configuration } = stream;
  const copy = (start: number, end: number): Promise<void> =>
    file.eachChunk(start, end, async (bytes) => {
      sink.copy(bytes);
      if (turn.due) await turn.pass();
    });
  sink.begin({
    version: stream.header.values.version === 2 ? 2 : 3,
    configuration,
    configurationWith: (capabilities) => file.configurationWith(capabilities),
  });
  const total = stream.ramTotal?.record.offset ?? stream.end;
  const start = stream.sections.find(({ type, name }) => type === 'start' && name === 'ram');
  const opening = start === undefined ? total : start.offset;
  await copy(file.headEnd, opening);
  sink.list({ opening: file.read(opening, total - opening), blocks: stream.ramBlocks, pageSize });
  sink.setPageSize(pageSize);
  for (const [index, block] of stream.ramBlocks.entries()) await pagesOf(file, block, index, sink, turn);
  await copy(file.listEnd, stream.end);
}

async function pagesOf(
  file: MappedSource,
  block: RamBlock,
  index: number,
  sink: StreamSink,
  turn: Turn,
): Promise<void> {
  const { pageSize } = file;
  const pagesOffset = block.header?.mapped?.pages.offset ?? 0;
  const buffer = Buffer.allocUnsafeSlow(READ_BYTES);
  await file.eachRun(block, READ_BYTES / pageSize, async (first, end, present) => {
    if (turn.due) await turn.pass();
    if (present) {
      const length = (end - first) * pageSize;
      file.readInto(buffer, 0, length, pagesOffset + first * pageSize);
      sink.addPages(index, first * pageSize, buffer, 0, length);
    } else for (let page = first; page < end; page++) sink.fillPage(index, page * pageSize, 0);
  });
}
