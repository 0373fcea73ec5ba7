/** Reading the RAM of a mapped-ram file by own code: block records and headers as FORMAT.md has them, bitmaps little-endian. */
import { closeSync, fstatSync, openSync, readSync } from 'node:fs';

export interface MappedBlock {
  readonly name: string;
  readonly usedLength: number;
  readonly pageSize: number;
  readonly recordOffset: number;
  readonly bitmapOffset: number;
  readonly pagesOffset: number;
  readonly present: ReadonlySet<number>;
  /** What a loader puts into the guest's memory: the present pages, and zeros. */
  readonly memory: Buffer;
}

export interface MappedFile {
  readonly size: number;
  readonly allocated: number;
  readonly blocks: readonly MappedBlock[];
}

/** Reads the blocks of a file whose RAM section is the first that begins with `ram` in its first MiB. */
export function readMappedFile(path: string): MappedFile {
  const fd = openSync(path, 'r');
  try {
    const { size, blocks: allocated } = fstatSync(fd);
    const at = (position: number, length: number): Buffer => {
      const bytes = Buffer.alloc(length);
      if (readSync(fd, bytes, 0, length, position) !== length) throw new Error(`${path} ends inside ${position}`);
      return bytes;
    };
    const head = at(0, Math.min(size, 1024 * 1024));
    if (head.toString('latin1', 0, 4) !== 'QEVM') throw new Error(`${path} is no stream`);
    // SECTION_START's name, instance 0, version 4.
    const section = head.indexOf(Buffer.from('\x03ram\0\0\0\0\0\0\0\x04', 'latin1'));
    if (section < 0) throw new Error(`${path} has no RAM section`);
    let position = section + 12;
    let total = Number(at(position, 8).readBigUInt64BE()) - 4;
    position += 8;
    const blocks: MappedBlock[] = [];
    while (total > 0) {
      const recordOffset = position;
      const nameLength = at(position, 1).readUInt8();
      const name = at(position + 1, nameLength).toString();
      const fields = at(position + 1 + nameLength, 36);
      const usedLength = Number(fields.readBigUInt64BE(0));
      const pageSize = Number(fields.readBigUInt64BE(12));
      const bitmapOffset = Number(fields.readBigUInt64BE(20));
      const pagesOffset = Number(fields.readBigUInt64BE(28));
      const present = new Set<number>();
      const memory = Buffer.alloc(usedLength);
      const bitmap = at(bitmapOffset, Math.ceil(usedLength / pageSize / 64) * 8);
      for (let page = 0; page < bitmap.length * 8; page++) {
        if ((((bitmap[page >> 3] ?? 0) >> (page & 7)) & 1) === 0) continue;
        present.add(page);
        at(pagesOffset + page * pageSize, pageSize).copy(memory, page * pageSize);
      }
      blocks.push({ name, usedLength, pageSize, recordOffset, bitmapOffset, pagesOffset, present, memory });
      position = pagesOffset + usedLength;
      total -= usedLength;
    }
    return { size, allocated: allocated * 512, blocks };
  } finally {
    closeSync(fd);
  }
}

/** Bytes of a page region, whatever the bitmap says. */
export function rawRegion(path: string, { pagesOffset, usedLength }: MappedBlock): Buffer {
  const fd = openSync(path, 'r');
  try {
    const bytes = Buffer.alloc(usedLength);
    readSync(fd, bytes, 0, usedLength, pagesOffset);
    return bytes;
  } finally {
    closeSync(fd);
  }
}
