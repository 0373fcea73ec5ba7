import { readFile, stat } from 'node:fs/promises';
import { describe, expect, test } from 'vitest';
import { coverOf, deviceNumber, parseMaps, type Mapping } from './proc-maps';

describe('The text of /proc/PID/maps', () => {
  test('yields shared and private mappings, names with spaces and line ends, and memory without a file', () => {
    const text = [
      '55d0c8a00000-55d0c8b00000 r-xp 00002000 fe:01 1234567                    /usr/bin/qemu-system-x86_64',
      '7f9ae3e00000-7f9af3e00000 rw-s 00001000 00:01 487                        /memfd:stillframe-ram (deleted)',
      '7fffffff0000-800000000000 rw-s 00000000 103:00001 18446744073709551615   /srv/a b\\012c',
      '7fe2fffff000-7fe30ffff000 rw-p 00000000 00:00 0 ',
      'ffffffffff600000-ffffffffff601000 --xp 00000000 00:00 0                  [vsyscall]',
    ].join('\n');
    expect(parseMaps(text).map(({ shared, offset, ino, path }) => [shared, offset, ino, path])).toEqual([
      [false, 0x2000n, 1234567n, '/usr/bin/qemu-system-x86_64'],
      [true, 0x1000n, 487n, '/memfd:stillframe-ram (deleted)'],
      [true, 0n, 18446744073709551615n, '/srv/a b\\012c'],
      [false, 0n, 0n, ''],
      [false, 0n, 0n, '[vsyscall]'],
    ]);
  });

  test.each([
    '',
    'no map at all',
    '1000-2000 rw-s 0 00:01',
    '1000-2000 rwxq 0 0:0 1 /x',
    '00001000-00002000 rw-s 00000000 00:01 99999999999999999999999 /x',
    '-2000 rw-s 0 00:01 1 /x',
    '123456789abcdef01-2 rw-s 0 00:01 1 /x',
  ])('passes over a line of another form: %j', (line) => {
    expect(parseMaps(line)).toEqual([]);
  });

  test('names the device of a file as stat does', async () => {
    const program = parseMaps(await readFile('/proc/self/maps', 'utf8')).find(({ path }) => path === process.execPath);
    const { dev, ino } = await stat(process.execPath, { bigint: true });
    expect(program).toMatchObject({ dev, ino });
  });

  test.each([
    [0n, 1n, 1n],
    [0xfen, 1n, 0xfe01n],
    [0x103n, 0x12345n, 0x12310345n],
    [0xfffffn, 0xffffffffn, 2n ** 52n - 1n],
  ])('device %s:%s', (major, minor, number) => {
    expect(deviceNumber(major, minor)).toBe(number);
  });
});

describe('A stretch of memory', () => {
  const map = (start: bigint, end: bigint, change: Partial<Mapping> = {}): Mapping => ({
    start,
    end,
    shared: true,
    offset: 0n,
    dev: 1n,
    ino: 7n,
    path: '/ram',
    ...change,
  });

  test.each<[string, readonly Mapping[], bigint | null]>([
    ['in one mapping', [map(0x1000n, 0x9000n, { offset: 0x100000n })], 0x101000n],
    ['in two that follow each other', [map(0n, 0x4000n), map(0x4000n, 0x8000n, { offset: 0x4000n })], 0x2000n],
    [
      'in three',
      [map(0n, 0x3000n), map(0x3000n, 0x5000n, { offset: 0x3000n }), map(0x5000n, 0x6000n, { offset: 0x5000n })],
      0x2000n,
    ],
    [
      'in memory of nobody, which counts no offset',
      [map(0n, 0x4000n, { ino: 0n }), map(0x4000n, 0x8000n, { ino: 0n })],
      0x2000n,
    ],
    ['with a gap', [map(0n, 0x4000n), map(0x5000n, 0x8000n, { offset: 0x5000n })], null],
    ['that ends too early', [map(0n, 0x5fffn)], null],
    ['that goes on in another file', [map(0n, 0x4000n), map(0x4000n, 0x8000n, { offset: 0x4000n, ino: 8n })], null],
    ['that goes on elsewhere in the file', [map(0n, 0x4000n), map(0x4000n, 0x8000n, { offset: 0x5000n })], null],
    [
      'that goes on as a private copy',
      [map(0n, 0x4000n), map(0x4000n, 0x8000n, { offset: 0x4000n, shared: false })],
      null,
    ],
    ['nowhere', [], null],
  ])('%s', (_, maps, offset) => {
    expect(coverOf(maps, 0x2000n, 0x4000n)?.offset ?? null).toBe(offset);
  });
});
