import { describe, expect, it } from 'vitest';
import type { ByteSource, Extent } from '@shared/bytes/source';
import { byteCount, fileOffset } from '@shared/bytes/units';
import type { Segment } from '@shared/contracts/inspector-port';
import { BitmapReader } from './bitmap';
import { Segments } from './segments';

/** Bytes in memory with holes where `holes` says; like SEEK_DATA and SEEK_HOLE it only looks forwards. */
function sparse(bytes: Uint8Array, holes: readonly (readonly [from: number, to: number])[]): ByteSource {
  const isHole = (offset: number): boolean => holes.some(([from, to]) => offset >= from && offset < to);
  return {
    name: 'memory',
    size: () => Promise.resolve(byteCount(bytes.length)),
    read: (offset, length) => Promise.resolve(bytes.slice(offset, offset + length)),
    extentAt: (offset) => {
      if (offset >= bytes.length) return Promise.resolve(null);
      const hole = isHole(offset);
      let end: number = offset;
      while (end < bytes.length && isHole(end) === hole) end += 1;
      const extent: Extent = { kind: hole ? 'hole' : 'data', offset, length: byteCount(end - offset) };
      return Promise.resolve(extent);
    },
    close: () => Promise.resolve(),
  };
}

const pageSize = 64;
const pageBits = [0b01100111, 0b00000011, 0xff, 0, 0, 0b10000000, 0, 0, 0b1];
const pagesTotal = 65;
const pagesAt = 256;
const second = { at: pagesAt + pagesTotal * pageSize + 100, pages: 8 };
const size = second.at + second.pages * pageSize + 33;

function smallFile(order: 'little' | 'big'): { source: ByteSource; segments: Segments } {
  const bytes = new Uint8Array(size);
  pageBits.forEach((byte, index) => {
    bytes[8 + (order === 'little' ? index : index - (index % 8) + 7 - (index % 8))] = byte;
  });
  const holes = [
    [100, 256],
    [300, 400],
    [1000, 1001],
    [2048, 4100],
    [4400, 4500],
    [size - 40, size - 2],
  ] as const;
  const source = sparse(bytes, holes);
  const regions = [
    {
      block: 'second',
      pageSize,
      pagesOffset: second.at,
      pagesTotal: second.pages,
      bits: new BitmapReader(source, { offset: 8, pages: 8, order }),
    },
    {
      block: 'pc.ram',
      pageSize,
      pagesOffset: pagesAt,
      pagesTotal,
      bits: new BitmapReader(source, { offset: 8, pages: pagesTotal, order }),
    },
  ];
  return { source, segments: new Segments(source, size, regions) };
}

const present = (page: number): boolean => ((pageBits[Math.floor(page / 8)] ?? 0) >> (page % 8)) % 2 === 1;

/** What one byte is, worked out the slow way. */
async function stateOf(source: ByteSource, offset: number): Promise<string> {
  const extent = await source.extentAt(fileOffset(offset));
  const inFirst = offset >= pagesAt && offset < pagesAt + pagesTotal * pageSize;
  const inSecond = offset >= second.at && offset < second.at + second.pages * pageSize;
  const page = Math.floor((offset - (inFirst ? pagesAt : second.at)) / pageSize);
  const pages = inFirst
    ? `pc.ram ${present(page)}`
    : inSecond
      ? `second ${present(page)}`
      : offset < pagesAt
        ? 'head'
        : 'tail';
  return `${extent?.kind ?? 'past'} ${pages} ${!inFirst && !inSecond && offset < second.at ? 'a' : 'b'}`;
}

async function slowly(source: ByteSource): Promise<{ offset: number; length: number }[]> {
  const found: { offset: number; length: number }[] = [];
  let state = '';
  for (let offset = 0; offset < size; offset += 1) {
    const here = await stateOf(source, offset);
    const last = found.at(-1);
    if (last !== undefined && here === state) last.length += 1;
    else found.push({ offset, length: 1 });
    state = here;
  }
  return found;
}

describe.each(['little', 'big'] as const)('segments of a small file with %s-endian bitmap words', (order) => {
  it('are the maximal runs that a byte by byte walk finds', async () => {
    const { source, segments } = smallFile(order);
    const found = await segments.around(0, 0, 500);
    expect(found.map(({ offset, length }) => ({ offset, length }))).toEqual(await slowly(source));
    expect(found.filter(({ pages }) => pages?.present === true).length).toBeGreaterThan(3);
  });

  it('are the same from wherever they are asked for: every offset', async () => {
    const { segments } = smallFile(order);
    const all = await segments.around(0, 0, 500);
    for (let offset = 0; offset < size; offset += 1) {
      const here = all.findIndex((segment) => offset < segment.offset + segment.length);
      expect(await segments.around(offset, 3, 2)).toEqual(all.slice(Math.max(0, here - 3), here + 3));
    }
  });
});

describe('segments', () => {
  it('of an empty file are none', async () => {
    expect(await new Segments(sparse(new Uint8Array(0), []), 0, []).around(0, 5, 5)).toEqual([]);
  });

  it('take an offset past the end for the last byte', async () => {
    const { segments } = smallFile('little');
    expect((await segments.around(2 ** 50, 0, 0)).at(-1)).toMatchObject({ offset: size - 2, length: 2 });
  });

  it('of page regions that lie over each other never overlap', async () => {
    const source = sparse(new Uint8Array(8192), []);
    const bits = new BitmapReader(source, { offset: 0, pages: 100, order: 'little' });
    const region = (block: string, pagesOffset: number) => ({
      block,
      pageSize: 64,
      pagesOffset,
      pagesTotal: 100,
      bits,
    });
    const regions = [region('a', 1000), region('b', 1000), region('c', 3000), region('d', 2 ** 52), region('e', 8000)];
    const found: readonly Segment[] = await new Segments(source, 8192, regions).around(0, 0, 100);
    let end = 0;
    for (const { offset, length } of found) {
      expect(offset).toBe(end);
      end += length;
    }
    expect(end).toBe(8192);
  });
});

describe('a bitmap', () => {
  const bits = new BitmapReader(sparse(Uint8Array.from([...pageBits, 0, 0, 0, 0, 0, 0, 0]), []), {
    offset: 0,
    pages: pagesTotal,
    order: 'little',
  });

  it('counts present pages of any stretch', async () => {
    for (let from = 0; from <= pagesTotal; from += 1) {
      for (let to = from; to <= pagesTotal; to += 1) {
        let slow = 0;
        for (let page = from; page < to; page += 1) slow += Number(present(page));
        expect(await bits.count(from, to)).toBe(slow);
      }
    }
  });

  it('finds the next and the previous present page from every page', async () => {
    const all = Array.from({ length: pagesTotal }, (_, page) => page).filter(present);
    for (let page = 0; page < pagesTotal; page += 1) {
      expect(await bits.present(page, 1)).toBe(all.find((other) => other >= page) ?? null);
      expect(await bits.present(page, -1)).toBe(all.filter((other) => other <= page).at(-1) ?? null);
    }
  });

  it('that says more pages than its file holds ends in pages that are not present', async () => {
    const short = new BitmapReader(sparse(new Uint8Array([0xff]), []), { offset: 0, pages: 1000, order: 'little' });
    expect(await short.runAround(5)).toEqual({ present: true, from: 0, to: 8 });
    expect(await short.runAround(999)).toEqual({ present: false, from: 8, to: 1000 });
  });
});
