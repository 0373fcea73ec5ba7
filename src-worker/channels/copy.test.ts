import { randomInt } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { fileOffset } from '@shared/bytes/units';
import { FaultyIo, type Faults } from '../io/faulty-io.fixture';
import { IoBuffer } from '../io/io-buffer';
import { MemoryIo } from '../io/memory-io.fixture';
import { openSeekable, type PositionalIo } from '../io/seekable';
import { BUFFER_BYTES, loadExtent, saveExtent, type Copied, type Copier } from './copy';

const MIB = 1024 * 1024;
const LENGTH = 6 * MIB;
const buffer = new IoBuffer(BUFFER_BYTES);

/** Notes what a copy asks of a file, besides doing it. */
class WatchedIo extends MemoryIo {
  readonly asked: string[] = [];

  constructor(
    override readonly direct: boolean,
    override readonly prefersAllocated: boolean,
  ) {
    super();
  }

  override writev(views: readonly Uint8Array[], offset: number, cached = false): number {
    const length = views.reduce((sum, view) => sum + view.length, 0);
    this.asked.push(`${cached ? 'cached' : 'write'} ${offset / 1024}+${length / 1024}`);
    return super.writev(views, offset);
  }

  override allocate(offset: number, length: number): boolean {
    this.asked.push(`allocate ${offset / 1024}+${length / 1024}`);
    return super.allocate(offset, length);
  }

  override startWriteBack(offset: number, length: number): void {
    this.asked.push(`write back ${offset / 1024}+${length / 1024}`);
  }
}

function ramWith(holds: (page: number) => boolean, length = LENGTH): MemoryIo {
  const ram = new MemoryIo();
  ram.resize(length);
  const page = new Uint8Array(4096);
  for (let at = 0; at < length / 4096; at++) {
    page[randomInt(4096)] = 1;
    if (holds(at)) ram.writev([page], at * 4096);
  }
  return ram;
}

const copierOf = (ram: PositionalIo, file: PositionalIo, change: Partial<Copier> = {}): Copier => ({
  ram: [openSeekable(ram)],
  file: openSeekable(file),
  buffer,
  pageSize: 4096,
  digests: false,
  writeBack: false,
  ...change,
});

function bytesOf(io: PositionalIo, offset: number, length: number): Buffer {
  const bytes = Buffer.alloc(length);
  openSeekable(io).readv([bytes], fileOffset(offset));
  return bytes;
}

function save(copier: Copier, length = LENGTH): Copied {
  const copied: Copied = { pages: 0, bytes: 0 };
  saveExtent(copier, { ram: 0, ramOffset: 0, fileOffset: MIB, length }, copied);
  return copied;
}

describe('what a save asks of a file', () => {
  it('past the page cache: short runs through it, long ones into room that was made for exactly them', () => {
    const runs = [0, 1, 20, 35, 40, 56, 100, 163, 300, 364];
    const held = (page: number): boolean =>
      runs.some((first, at) => at % 2 === 0 && page >= first && page < (runs[at + 1] ?? 0));
    const file = new WatchedIo(true, true);
    const copied = save(copierOf(ramWith(held), file));
    expect(file.asked).toEqual([
      'cached 1024+4',
      'cached 1104+60',
      'write 1184+64',
      'write 1424+252',
      'allocate 2224+256',
      'write 2224+256',
    ]);
    expect(copied).toEqual({ pages: 1 + 15 + 16 + 63 + 64, bytes: (1 + 15 + 16 + 63 + 64) * 4096 });
  });

  it.each([
    [true, false, ['write 1024+1024', 'write 2048+4096', 'write 6144+1024']],
    [false, false, ['write 1024+1024', 'write 2048+4096', 'write 6144+1024']],
  ])(
    'that is all data: longer and longer writes, without making room where that brings nothing',
    (direct, prefers, asked) => {
      const file = new WatchedIo(direct, prefers);
      save(
        copierOf(
          ramWith(() => true),
          file,
        ),
      );
      expect(file.asked).toEqual(asked);
    },
  );

  it('through the page cache: writing back is started as it fills, and only where something was written', () => {
    const file = new WatchedIo(false, false);
    const copier = copierOf(
      ramWith((page) => page < 2304 || page === 5000, 24 * MIB),
      file,
      { writeBack: true },
    );
    save(copier, 24 * MIB);
    const started = file.asked.filter((one) => one.startsWith('write back'));
    expect(started).toEqual(['write back 1024+9216', 'write back 18432+7168']);
    expect(file.asked.indexOf('write back 1024+9216')).toBeLessThan(file.asked.indexOf('write 21024+4'));
  });

  it('nothing where all is zero', () => {
    const file = new WatchedIo(true, true);
    expect(
      save(
        copierOf(
          ramWith(() => false),
          file,
          { writeBack: true },
        ),
      ),
    ).toEqual({ pages: 0, bytes: 0 });
    expect(file.asked).toEqual([]);
  });
});

describe('a copy over files with faults', () => {
  const ragged: Faults = { atMost: 70_001, interruptEvery: 3 };

  it('that transfer little at a time gives the same bytes, both ways', () => {
    const ram = ramWith((page) => page % 7 < 4);
    const file = new MemoryIo();
    save(copierOf(new FaultyIo(ram, ragged), new FaultyIo(file, ragged)));
    const wanted = bytesOf(ram, 0, file.size() - MIB);
    expect(bytesOf(file, MIB, file.size() - MIB).equals(wanted)).toBe(true);
    const fresh = new MemoryIo();
    fresh.resize(LENGTH);
    const mask = new Uint8Array(LENGTH / 4096 / 8).fill(0xff);
    file.resize(LENGTH + MIB);
    const copied: Copied = { pages: 0, bytes: 0 };
    loadExtent(
      copierOf(new FaultyIo(fresh, ragged), new FaultyIo(file, ragged)),
      { ram: 0, ramOffset: 0, fileOffset: MIB, length: LENGTH, mask },
      copied,
    );
    expect(bytesOf(fresh, 0, LENGTH).equals(bytesOf(ram, 0, LENGTH))).toBe(true);
    expect(copied).toEqual({ pages: LENGTH / 4096, bytes: LENGTH });
  });

  it.each([
    [1, 0],
    [2, 100],
    [6, 500],
    // The run from page 500 on was cut where a piece of 1 MiB ends.
    [7, 512],
  ])('ends at write %i when the disk is full then, which is page %i', (nth, page) => {
    const file = new FaultyIo(new MemoryIo(), { noSpaceAtWrite: nth });
    expect(() =>
      save(
        copierOf(
          ramWith((at) => at % 100 < 50),
          file,
        ),
      ),
    ).toThrow(
      expect.objectContaining({
        failure: expect.objectContaining({
          code: 'file.no-space',
          where: { path: 'memory', offset: MIB + page * 4096 },
        }) as unknown,
      }),
    );
    expect(file.writes).toBe(nth);
  });

  it('ends at the nth call that fails, reading as well as writing', () => {
    for (const nth of [1, 2, 3]) {
      const bad = new FaultyIo(
        ramWith(() => true),
        { ioErrorAtCall: nth },
      );
      expect(() => save(copierOf(bad, new MemoryIo()))).toThrow(
        expect.objectContaining({
          failure: expect.objectContaining({
            code: 'file.io',
            doing: 'reading memory',
            where: { path: 'memory', offset: (nth - 1) * MIB },
          }) as unknown,
        }),
      );
    }
  });
});
