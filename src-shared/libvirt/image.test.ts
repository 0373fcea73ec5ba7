import { describe, expect, it } from 'vitest';
import { buildLibvirtHeader, buildStream, type BuiltLibvirt } from '../../test/support/stream-builder';
import { MemorySource } from '../bytes/memory-source';
import { decodeText } from '../bytes/text';
import type { ParsedStream } from '../stream/model';
import { parseStream } from '../stream/parse';

const XML = '<domain type="qemu"><name>demo</name></domain>';

function imageOf(options: BuiltLibvirt): Uint8Array {
  const header = buildLibvirtHeader({ xml: XML, ...options });
  const bytes = buildStream({ blocks: [{ name: 'ram', usedLength: 8192, present: [1] }], at: header.length });
  bytes.set(header);
  return bytes;
}

const parse = (options: BuiltLibvirt): Promise<ParsedStream> =>
  parseStream(new MemorySource(imageOf(options), 'image'));

describe.each(['little', 'big'] as const)('a libvirt save image of a %s-endian host', (order) => {
  it('is opened, with its XML and cookie found', async () => {
    const cookie = '<cookie>ü</cookie>';
    const bytes = imageOf({ order, cookie });
    const { container, complete, problems } = await parseStream(new MemorySource(bytes));
    const { libvirt } = container;
    expect({ complete, problems, kind: container.kind }).toEqual({ complete: true, problems: [], kind: 'libvirt' });
    const textOf = (range: { offset: number; length: number } | null | undefined): string | undefined =>
      range ? decodeText(bytes.subarray(range.offset, range.offset + range.length)) : undefined;
    expect([textOf(libvirt?.xml), textOf(libvirt?.cookie), libvirt?.format]).toEqual([XML, cookie, 'sparse']);
    expect(libvirt?.header.endian).toBe(order);
    expect(decodeText(bytes.subarray(container.streamOffset, container.streamOffset + 4))).toBe('QEVM');
  });

  it('may hold a plain stream', async () => {
    expect((await parse({ order, format: 0 })).container.libvirt?.format).toBe('raw');
  });

  it.each([
    [1, 'packed with gzip'],
    [2, 'packed with bzip2'],
    [3, 'packed with xz'],
    [4, 'packed with lzop'],
    [5, 'packed with zstd'],
    [7, 'in format 7'],
  ])('in format %i is refused by name: %s', async (format, name) => {
    await expect(parse({ order, format })).rejects.toMatchObject({
      failure: {
        code: 'format.unsupported',
        what: expect.stringContaining(name) as string,
        where: { offset: 28, field: 'format' },
      },
    });
  });
});

describe('a libvirt save image', () => {
  it('that says it is unfinished is not complete', async () => {
    const { complete, problems, container } = await parse({ magic: 'LibvirtQemudPart' });
    expect({ complete, codes: problems.map(({ code }) => code) }).toEqual({
      complete: false,
      codes: ['save-incomplete'],
    });
    expect(container.libvirt?.finished).toBe(false);
  });

  it('of a newer version is refused', async () => {
    await expect(parse({ version: 3 })).rejects.toMatchObject({
      failure: { code: 'format.unsupported', where: { path: 'image', offset: 16, field: 'version' } },
    });
  });

  it('whose stream would begin past the end of the file is truncated', async () => {
    const header = buildLibvirtHeader();
    await expect(parseStream(new MemorySource(header))).rejects.toMatchObject({
      failure: { code: 'format.truncated' },
    });
    await expect(parseStream(new MemorySource(header.subarray(0, 50)))).rejects.toMatchObject({
      failure: { code: 'format.truncated' },
    });
  });

  it('whose cookie lies outside its data is refused', async () => {
    const bytes = imageOf({});
    new DataView(bytes.buffer).setUint32(32, 100_000, true);
    await expect(parseStream(new MemorySource(bytes))).rejects.toMatchObject({
      failure: { code: 'format.bad-value', where: { offset: 32, field: 'cookie offset' } },
    });
  });

  it('with something else than a stream behind its data is refused with the place', async () => {
    const bytes = imageOf({});
    new DataView(bytes.buffer).setUint32(20, 10, true);
    await expect(parseStream(new MemorySource(bytes))).rejects.toMatchObject({
      failure: { code: 'format.bad-value', where: { offset: 102, field: 'magic' } },
    });
  });
});
