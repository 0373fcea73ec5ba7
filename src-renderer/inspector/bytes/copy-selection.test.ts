import { describe, expect, it } from 'vitest';
import { MAX_BYTES, type Segment } from '@shared/contracts/inspector-port';
import { COPY_FORMATS, copyTextOf, type CopyFormat } from './copy-text';
import { copySelection } from './copy-selection';

const KIB = 1024;
/** Every second KiB is a hole. */
const segmentsFrom = (offset: number, count: number): Segment[] =>
  Array.from({ length: count }, (_, index) => {
    const number = Math.floor(offset / KIB) + index;
    return { offset: number * KIB, length: KIB, kind: number % 2 === 0 ? 'data' : 'hole', pages: null };
  });

async function copied(from: number, to: number, format: CopyFormat): Promise<{ text: string; says: string }> {
  let text = '';
  const api = {
    bytes: (offset: number, length: number) =>
      Promise.resolve(Uint8Array.from({ length: Math.min(length, MAX_BYTES) }, (_, at) => (offset + at) % 256)),
    layout: (offset: number) => Promise.resolve({ segments: segmentsFrom(offset, 100) }),
  };
  const shell = { copyText: (given: string) => Promise.resolve(void (text = given)) };
  const says = await copySelection({ hex: { selection: { from, to } }, api }, shell, format);
  return { text, says: says.replaceAll('\u00a0', ' ') };
}

describe('copying the selection', () => {
  it('as hex, and says how many bytes', async () => {
    expect(await copied(0x10, 0x13, 'hex')).toEqual({ text: '10 11 12', says: '3 bytes copied as hex.' });
  });

  it('as a C array that compiles to the same bytes', async () => {
    const { text, says } = await copied(0, 14, 'C array');
    expect(text).toBe(
      'const unsigned char bytes[14] = {\n' +
        '  0x00, 0x01, 0x02, 0x03, 0x04, 0x05, 0x06, 0x07, 0x08, 0x09, 0x0a, 0x0b,\n  0x0c, 0x0d,\n};',
    );
    expect(says).toBe('14 bytes copied as a C array.');
  });

  it('as base64, which reads as the same bytes again, and as a file offset without reading', async () => {
    const { text } = await copied(0, 100_001, 'base64');
    const again = atob(text);
    expect(again).toHaveLength(100_001);
    expect(Array.from(again).every((letter, at) => letter.charCodeAt(0) === at % 256)).toBe(true);
    expect(await copied(0x83, 0x90, 'file offset')).toEqual({ text: '0x83', says: 'File offset 0x83 copied.' });
  });

  it('as text, with no zero that would end it', () => {
    expect(copyTextOf('text', Uint8Array.from([0xc3, 0xa4, 0, 0x41, 0xff]))).toBe('ä\ufffdA\ufffd');
  });

  it('says how many bytes are in holes', async () => {
    expect((await copied(1000, 2100, 'hex')).says).toBe(
      '1 100 bytes copied as hex. 1 024 of them are in holes of the file and copied as zeros.',
    );
    expect((await copied(1024, 1025, 'hex')).says).toBe(
      '1 byte copied as hex. 1 of them is in holes of the file and copied as zeros.',
    );
  });

  it('stops at 1 MiB and says so; the longest of all texts fits what the clipboard takes', async () => {
    for (const format of COPY_FORMATS) {
      const { text, says } = await copied(0, 5 * MAX_BYTES, format);
      expect(text.length).toBeLessThan(8 * MAX_BYTES);
      if (format !== 'file offset') expect(says).toContain('the first MiB of 5 242 880 bytes selected');
    }
    expect((await copied(0, 5 * MAX_BYTES, 'base64')).says).toContain('524 288 of them are in holes');
  });
});
