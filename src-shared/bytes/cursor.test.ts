import { describe, expect, it } from 'vitest';
import { ByteCursor } from './cursor';
import { MemorySource } from './memory-source';
import { byteCount, type ByteCount, type FileOffset } from './units';

const content = Uint8Array.from({ length: 300 }, (_, at) => at % 251);

/** Tells which reads were made. */
class Watched extends MemorySource {
  readonly reads: [number, number][] = [];

  override read(offset: FileOffset, length: ByteCount): Promise<Uint8Array> {
    this.reads.push([offset, length]);
    return super.read(offset, length);
  }
}

describe('a byte cursor', () => {
  it('takes every byte in order, through windows of any size', async () => {
    for (const windowBytes of [1, 7, 64, 1000]) {
      const cursor = new ByteCursor(new MemorySource(content), content.length, 0, windowBytes);
      const taken: number[] = [];
      for (let step = 1; cursor.remaining > 0; step = (step % 5) + 1) {
        const length = Math.min(step, cursor.remaining);
        await cursor.need(length, 'byte');
        taken.push(...cursor.take(length));
      }
      expect(Uint8Array.from(taken)).toEqual(content);
    }
  });

  it('does not read what it skips', async () => {
    const source = new Watched(content);
    const cursor = new ByteCursor(source, content.length, 0, 10);
    await cursor.need(2, 'byte');
    cursor.skip(200);
    await cursor.need(2, 'byte');
    expect([...cursor.take(2)]).toEqual([200, 201]);
    expect(source.reads).toEqual([
      [0, 10],
      [200, 10],
    ]);
  });

  it('goes back', async () => {
    const cursor = new ByteCursor(new MemorySource(content), content.length, 100, 10);
    await cursor.need(1, 'byte');
    cursor.seek(5);
    expect(cursor.has(1)).toBe(false);
    await cursor.need(1, 'byte');
    expect(cursor.take(1)[0]).toBe(5);
  });

  it('says truncated where the file ends, and where it has become shorter', async () => {
    const atEnd = new ByteCursor(new MemorySource(content), content.length, 298);
    await expect(atEnd.need(3, 'x')).rejects.toMatchObject({
      failure: { code: 'format.truncated', where: { offset: 298 } },
    });
    const shrunk = new ByteCursor(new MemorySource(content), byteCount(400), 350);
    await expect(shrunk.need(3, 'x')).rejects.toMatchObject({ failure: { code: 'format.truncated' } });
  });
});
