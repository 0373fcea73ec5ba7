/** One multifd channel: its open files, its buffer, and the batches it copies. */
import { setImmediate as breathe } from 'node:timers/promises';
import type {
  ChannelApi,
  ChannelOpened,
  ChannelSetup,
  CopyExtent,
  CopyReport,
  SavedExtent,
} from '@shared/contracts/channels';
import { fail } from '@shared/contracts/failure';
import { openFileChannel } from '../io/file-channel';
import { IoBuffer } from '../io/io-buffer';
import { threadCpuMs } from '../io/libc';
import type { SeekableChannel } from '../io/seekable';
import { isKernelPageSize } from '../pages/kernels';
import { bytesFor } from './bits';
import { BUFFER_BYTES, loadExtent, saveExtent, type Copied, type Copier } from './copy';

interface OpenChannel extends Copier {
  readonly direction: ChannelSetup['direction'];
}

/**
 * A channel that is closed at first. A batch is copied in one go and the worker answers nothing meanwhile: whoever sends it
 * keeps it to about 100 ms, which is 32 MiB on a slow disk and 128 MiB on a fast one.
 */
export function createChannel(): ChannelApi {
  let open: OpenChannel | null = null;
  let buffer: IoBuffer | null = null;

  const close = (): void => {
    const closing = open;
    open = null;
    closing?.file.close();
    for (const ram of closing?.ram ?? []) ram.close();
  };

  return {
    async openChannel(setup): Promise<ChannelOpened> {
      close();
      if (!isKernelPageSize(setup.pageSize)) throw refused(`a page of ${setup.pageSize} bytes cannot be copied`);
      const files = openFiles(setup);
      buffer ??= new IoBuffer(BUFFER_BYTES);
      open = {
        ...files,
        buffer,
        direction: setup.direction,
        pageSize: setup.pageSize,
        digests: setup.digests,
        writeBack: setup.writeBack === 'ranged',
      };
      return { directIo: files.file.direct, hugePages: buffer.hugePages };
    },
    async copyExtents(batch): Promise<CopyReport> {
      // Batches wait in line. Without a turn of the event loop between them the answer to one would leave after the next.
      await breathe();
      if (open === null) throw refused('no channel is open');
      return copyBatch(open, batch);
    },
    async closeChannel() {
      close();
    },
  };
}

/** Opens all files or none. */
function openFiles({ direction, ram, file, directIo }: ChannelSetup): Pick<Copier, 'ram' | 'file'> {
  const saves = direction === 'save';
  const opened: SeekableChannel[] = [];
  try {
    const target = openFileChannel(file, { access: saves ? 'write' : 'read', direct: directIo });
    opened.push(target);
    const memory = ram.map((lease) => {
      const channel = openFileChannel(lease, { access: saves ? 'read' : 'write', direct: false });
      opened.push(channel);
      return channel;
    });
    return { file: target, ram: memory };
  } catch (error) {
    for (const channel of opened) channel.close();
    throw error;
  }
}

function copyBatch(channel: OpenChannel, batch: readonly CopyExtent[]): CopyReport {
  for (const extent of batch) checkExtent(channel, extent);
  const cpuBefore = threadCpuMs();
  const before = performance.now();
  const copied: Copied = { pages: 0, bytes: 0 };
  const saved: SavedExtent[] = [];
  for (const extent of batch) {
    if (channel.direction === 'save') saved.push(saveExtent(channel, extent, copied));
    else if (extent.mask !== undefined) loadExtent(channel, { ...extent, mask: extent.mask }, copied);
  }
  return { saved, ...copied, cpuMs: threadCpuMs() - cpuBefore, busyMs: performance.now() - before };
}

/** An extent that breaks its contract is refused before anything of its batch is copied. */
function checkExtent({ direction, ram, pageSize }: OpenChannel, extent: CopyExtent): void {
  const { ramOffset, fileOffset, length, mask } = extent;
  const whole = [ramOffset, fileOffset, length, ramOffset + length, fileOffset + length].every(
    (value) => Number.isSafeInteger(value) && value >= 0,
  );
  if (!whole) throw refused('an extent lies outside 0 … 2^53 − 1');
  if (ram[extent.ram] === undefined) throw refused(`there is no RAM file ${extent.ram}`);
  if (length % pageSize !== 0) throw refused(`an extent of ${length} bytes has a page that is not whole`);
  if (mask === undefined && direction === 'load') throw refused('a load without a mask');
  if (mask !== undefined && mask.length < bytesFor(length / pageSize)) throw refused('a mask ends before its extent');
}

const refused = (what: string): Error => fail('worker.refused', 'copying pages', what, 'Report this.');
