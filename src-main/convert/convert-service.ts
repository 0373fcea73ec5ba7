/** Converting files of saved VMs. A worker does the bytes; here is what is opened, watched and named. */
import { constants } from 'node:fs';
import { open, type FileHandle } from 'node:fs/promises';
import { dirname } from 'node:path';
import { fail } from '@shared/contracts/failure';
import type { Manifest, RamRange } from '@shared/contracts/library';
import type { SnapshotFacts } from '@shared/contracts/report';
import type { TransferProgress, TransferSetup } from '@shared/contracts/transfer';
import type { Lease, WorkerApi } from '@shared/contracts/worker';
import { openAside, refuseTaken, type Aside } from '../files/aside';
import { openTransport } from '../files/open-transport';
import { openFailure } from '../files/registry';
import { memoryFileOf } from '../snapshots/library/memory-file';
import type {
  Conversion,
  ConvertResult,
  ConvertService,
  ConvertWatch,
  FileRegistry,
  LibraryService,
  WorkerPool,
} from '../services';

/** Written back in pieces of this size, so that there is progress and a cancel is near. */
const RANGE_BYTES = 64 * 1024 * 1024;

interface Rooms {
  readonly files: FileRegistry;
  readonly workers: WorkerPool;
  readonly library: Pick<LibraryService, 'resolve'>;
}

const doing = 'converting';

/** Makes the service. It keeps nothing between conversions. */
export function createConvertService(rooms: Rooms): ConvertService {
  return { convert: (conversion, watch) => convert(rooms, conversion, watch) };
}

async function convert(rooms: Rooms, conversion: Conversion, watch: ConvertWatch): Promise<ConvertResult> {
  const started = performance.now();
  const { out, to, block, range } = conversion;
  if (to === 'raw' && block === null && range !== null)
    throw fail('usage', doing, 'A part is one of a RAM block, and none is named', 'Name the block.');
  if (out.kind === 'file') await refuseTaken(out.path);
  const source = await lendSource(rooms, conversion.from);
  try {
    const run = new Run(rooms, watch, started);
    return out.kind === 'file'
      ? await intoFile(run, conversion, source, out.path)
      : await intoDescriptor(run, conversion, source, out.fd);
  } finally {
    await source.release();
  }
}

interface LentSource {
  readonly lease: Lease;
  /** From the snapshot's manifest; empty and null where there is none. */
  readonly ramMap: readonly RamRange[];
  readonly snapshot: SnapshotFacts | null;
  release(): Promise<void>;
}

async function lendSource({ files, library }: Rooms, from: Conversion['from']): Promise<LentSource> {
  if (from.kind === 'descriptor') {
    const lent = await files.lend(await openDescriptor(from.fd, constants.O_RDONLY), `fd:${from.fd}`);
    return { ...lent, ramMap: [], snapshot: null };
  }
  const { memoryFile, streamOffset, folder, manifest } = await library.resolve(from.reference);
  if (memoryFile !== null) {
    // A snapshot's memory file may have been named by its path.
    const known = manifest ?? (await memoryFileOf(library, memoryFile)).manifest;
    const lent = await files.lendPath(memoryFile, streamOffset);
    return { ...lent, ramMap: known?.ramMap ?? [], snapshot: known === null ? null : factsOf(known) };
  }
  throw fail('file.not-a-file', 'opening the snapshot', 'There is no memory file in it', 'Choose another.', {
    where: { path: folder },
  });
}

/** What a report says of a snapshot; never its recipe, which may hold secrets. */
const factsOf = (manifest: Manifest): SnapshotFacts => {
  const { name, machineName, savedAt, qemuVersion, accelerator, cpuModel, cpus, engine, mode, digests } = manifest;
  return { name, machineName, savedAt, qemuVersion, accelerator, cpuModel, cpus, engine, mode, digests };
};

/** Another description of what a descriptor of this process stands for; the descriptor stays as it was. */
async function openDescriptor(fd: number, flags: number): Promise<FileHandle> {
  try {
    return await open(`/proc/self/fd/${fd}`, flags | constants.O_NONBLOCK);
  } catch (cause) {
    throw openFailure(`fd:${fd}`, cause);
  }
}

const setupOf = (
  { to, block, range }: Conversion,
  { lease: source, ramMap, snapshot }: LentSource,
  target: Lease,
): TransferSetup => {
  switch (to) {
    case 'mapped-ram':
      return { kind: 'ingest', source, target };
    case 'stream':
      return { kind: 'emit', source, target };
    case 'raw':
      return range === null || block === null
        ? { kind: 'raw', source, target, block }
        : { kind: 'range', source, target, range: { block, ...range } };
    case 'elf':
      return { kind: 'elf', source, target, ramMap };
    case 'devices':
      return { kind: 'devices', source, target };
    case 'report':
    case 'report-json':
      return { kind: 'report', source, target, form: to === 'report' ? 'markdown' : 'json', ramMap, snapshot };
    case 'bytes':
      return { kind: 'bytes', source, target, ...(range ?? { start: 0, end: Number.MAX_SAFE_INTEGER }) };
  }
};

async function intoFile(run: Run, conversion: Conversion, source: LentSource, path: string): Promise<ConvertResult> {
  const aside = await openAside(path);
  try {
    return await run.withTarget(aside.handle, path, async (target, api) => {
      const result = await run.transfer(api, conversion, setupOf(conversion, source, target), path);
      await run.flush(api, target, aside);
      await run.publish(aside);
      await api.syncFolder(dirname(path));
      return run.timed(result);
    });
  } finally {
    await aside.discard();
  }
}

async function intoDescriptor(
  run: Run,
  conversion: Conversion,
  source: LentSource,
  fd: number,
): Promise<ConvertResult> {
  const name = `fd:${fd}`;
  if (conversion.to !== 'stream') return intoPlaces(run, conversion, source, fd);
  return run.withTarget(await openDescriptor(fd, constants.O_WRONLY), name, async (target, api) =>
    run.timed(await run.transfer(api, conversion, setupOf(conversion, source, target), name)),
  );
}

/** Pages have places: the descriptor has to be a file, and an empty one. It is flushed, and stays the caller's. */
async function intoPlaces(run: Run, conversion: Conversion, source: LentSource, fd: number): Promise<ConvertResult> {
  const name = `fd:${fd}`;
  const opened = await run.openPlaces(fd);
  return run.withLease(opened, async (target, api) => {
    const result = await run.transfer(api, conversion, setupOf(conversion, source, target), name);
    await api.dataSync(target);
    return run.timed(result);
  });
}

/** One conversion with its worker. */
class Run {
  readonly #rooms: Rooms;
  readonly #watch: ConvertWatch;
  readonly #started: number;
  #isPublished = false;

  constructor(rooms: Rooms, watch: ConvertWatch, started: number) {
    this.#rooms = rooms;
    this.#watch = watch;
    this.#started = started;
  }

  /** Lends the target to a worker; both are let go of whatever happens. */
  async withTarget<T>(
    handle: FileHandle,
    name: string,
    use: (target: Lease, api: WorkerApi) => Promise<T>,
  ): Promise<T> {
    return this.withLease(await this.#rooms.files.lend(handle, name), use);
  }

  /** A descriptor of this process as a file to save to; `channel.not-seekable` when it is none. */
  openPlaces(fd: number): ReturnType<FileRegistry['lend']> {
    return openTransport(this.#rooms.files, { kind: 'fd', fd, streamOffset: null }, 'save');
  }

  /** As `withTarget`, with a target that is lent already. */
  async withLease<T>(
    target: Awaited<ReturnType<FileRegistry['lend']>>,
    use: (target: Lease, api: WorkerApi) => Promise<T>,
  ): Promise<T> {
    try {
      const worker = await this.#rooms.workers.take(doing);
      try {
        return await Promise.race([use(target.lease, worker.api), this.#cancelled()]);
      } finally {
        worker.stop();
        await worker.ended;
      }
    } finally {
      await target.release();
    }
  }

  async transfer(
    api: WorkerApi,
    { to }: Conversion,
    setup: TransferSetup,
    out: string,
  ): Promise<Omit<ConvertResult, 'timings'>> {
    const from = await api.beginTransfer(setup);
    for (;;) {
      const step = await api.stepTransfer();
      this.#throwIfCancelled();
      this.#tell('converting', step, step.fraction);
      const { bytesRead, bytesWritten, pages, zeroPages } = step;
      if (step.done) return { out, from, to, bytesRead, bytesWritten, pages, zeroPages };
    }
  }

  /** To stable storage. */
  async flush(api: WorkerApi, target: Lease, { handle }: Aside): Promise<void> {
    const { size } = await handle.stat();
    for (let offset = 0; offset < size; offset += RANGE_BYTES) {
      const length = Math.min(RANGE_BYTES, size - offset);
      await api.writeBack(target, offset, length);
      this.#throwIfCancelled();
      this.#tell('flushing', { bytesRead: 0, bytesWritten: offset + length }, (offset + length) / size);
    }
    await api.dataSync(target);
    this.#throwIfCancelled();
  }

  /** Gives the file its name. From here on it is too late to cancel. */
  async publish(aside: Aside): Promise<void> {
    this.#throwIfCancelled();
    this.#isPublished = true;
    await aside.publish();
  }

  timed(result: Omit<ConvertResult, 'timings'>): ConvertResult {
    return { ...result, timings: { totalMs: performance.now() - this.#started } };
  }

  #tell(
    phase: 'converting' | 'flushing',
    { bytesRead, bytesWritten }: Pick<TransferProgress, 'bytesRead' | 'bytesWritten'>,
    fraction: number | null,
  ): void {
    const elapsedMs = performance.now() - this.#started;
    this.#watch.onProgress({ phase, bytesRead, bytesWritten, fraction, elapsedMs });
  }

  /** Rejects when the conversion is cancelled, so that nothing slow is waited for. */
  #cancelled(): Promise<never> {
    return new Promise((_, reject) => {
      const { signal } = this.#watch;
      const onAbort = (): void => {
        if (!this.#isPublished) reject(cancelled());
      };
      if (signal.aborted) onAbort();
      else signal.addEventListener('abort', onAbort, { once: true });
    });
  }

  #throwIfCancelled(): void {
    if (this.#watch.signal.aborted) throw cancelled();
  }
}

const cancelled = (): Error =>
  fail('convert.cancelled', doing, 'The conversion was cancelled', 'Nothing was made and nothing is left.');
