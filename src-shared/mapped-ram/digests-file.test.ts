import { describe, expect, it } from 'vitest';
import { byteCount } from '../bytes/units';
import { decodeDigests, encodeDigests, type DigestsFile } from './digests-file';

const MIB = 1024 * 1024;
const block = (name: string, usedLength: number) => ({
  name,
  usedLength: byteCount(usedLength),
  digests: Uint8Array.from({ length: Math.ceil(usedLength / MIB) * 8 }, (_, at) => (at * 37 + name.length) % 251),
});
const file: DigestsFile = {
  unitBytes: byteCount(MIB),
  blocks: [block('pc.ram', 5 * MIB), block('/rom@etc/acpi/tables', 0x21000), block('ram-ö', MIB + 1)],
};

describe('a file of digests', () => {
  it.each([
    ['of several blocks', file],
    ['of none', { unitBytes: byteCount(4096), blocks: [] }],
  ])('%s is read as it was written', (_, value) => {
    expect(decodeDigests(encodeDigests(value), 'd')).toEqual(value);
  });

  it('takes as many digests as a block has units, and no others', () => {
    const wrong = { ...file, blocks: [{ ...block('a', 5 * MIB), usedLength: byteCount(4 * MIB) }] };
    expect(() => encodeDigests(wrong)).toThrow(RangeError);
  });

  it('cut off anywhere is refused with its place', () => {
    const whole = encodeDigests(file);
    for (let length = 0; length < whole.length; length++) {
      expect(() => decodeDigests(whole.slice(0, length), 'd')).toThrow(
        expect.objectContaining({ failure: expect.objectContaining({ code: 'format.bad-value' }) as unknown }) as Error,
      );
    }
    expect(() => decodeDigests(Uint8Array.of(...whole, 0), 'd')).toThrow(/last block/);
  });

  it('with any byte of its structure changed is refused or read as other values, never past its end', () => {
    const whole = encodeDigests(file);
    for (let at = 0; at < whole.length; at++) {
      const changed = whole.slice();
      changed[at] = 0xff - (changed[at] ?? 0);
      try {
        expect(encodeDigests(decodeDigests(changed, 'd')).length).toBe(whole.length);
      } catch (error) {
        expect(error).toMatchObject({ failure: { code: 'format.bad-value' } });
      }
    }
  });
});
