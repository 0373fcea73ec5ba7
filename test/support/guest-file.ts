/** Mapped-ram files with a content of the test's own, and the same content as plain images to compare with. */
import { stat, writeFile } from 'node:fs/promises';
import { writeStream } from './stream-builder';

export interface MadeBlock {
  readonly name: string;
  /** The block's whole content; its length is a multiple of the page size. */
  readonly image: Uint8Array;
  readonly pageSize?: number;
  /** Pages that are left out of the file. Their content in `image` has to be zeros. */
  readonly absent: (page: number) => boolean;
  /** What stands in the file under pages that are left out, as a live save may leave it. Default: nothing. */
  readonly stale?: number;
}

export interface MadeGuestFile {
  readonly path: string;
  /** A lease on the file, as main would give it. */
  readonly lease: { path: string; dev: string; ino: string; name: string; streamOffset: null };
  /** Where each block's page 0 is. */
  readonly pagesOffset: ReadonlyMap<string, number>;
}

/** Writes a file; `machine` and byte order as in the stream builder. */
export async function makeGuestFile(
  path: string,
  blocks: readonly MadeBlock[],
  options: { readonly order?: 'little' | 'big'; readonly machine?: string } = {},
): Promise<MadeGuestFile> {
  const built = writeStream({
    ...options,
    blocks: blocks.map(({ name, image, pageSize = 4096, absent }) => ({
      name,
      usedLength: image.length,
      pageSize,
      present: pagesOf(image, pageSize).filter((page) => !absent(page)),
    })),
  });
  const bytes = built.toBytes();
  const pagesOffset = placesOf(bytes, blocks);
  for (const { name, image, pageSize = 4096, absent, stale } of blocks) {
    const at = pagesOffset.get(name) ?? 0;
    for (const page of pagesOf(image, pageSize)) {
      const start = page * pageSize;
      const content = image.subarray(start, start + pageSize);
      if (!absent(page)) bytes.set(content, at + start);
      else if (content.some((byte) => byte !== 0)) throw new Error(`page ${page} of ${name} is left out and not zero`);
      else if (stale !== undefined) bytes.fill(stale, at + start, at + start + pageSize);
    }
  }
  await writeFile(path, bytes);
  const { dev, ino } = await stat(path, { bigint: true });
  return {
    path,
    lease: { path, dev: String(dev), ino: String(ino), name: path, streamOffset: null },
    pagesOffset,
  };
}

const pagesOf = (image: Uint8Array, pageSize: number): number[] =>
  Array.from({ length: image.length / pageSize }, (_, page) => page);

/** Each block's pages offset, read from its mapped-ram header: version, page size, bitmap offset, pages offset. */
function placesOf(bytes: Uint8Array, blocks: readonly MadeBlock[]): Map<string, number> {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  const places = new Map<string, number>();
  let from = 0;
  for (const { name, image } of blocks) {
    const record = Buffer.concat([Buffer.of(name.length), Buffer.from(name), Buffer.alloc(8)]);
    record.writeBigUInt64BE(BigInt(image.length), record.length - 8);
    const at = buffer.indexOf(record, from) + record.length;
    places.set(name, Number(buffer.readBigUInt64BE(at + 20)));
    from = at;
  }
  return places;
}
