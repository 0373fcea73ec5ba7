import { expect, test } from 'vitest';
import { duration, fileSize, printable, ramSize, rate, table } from './format';

test.each([
  [0, '0 B'],
  [999, '999 B'],
  [1000, '1 kB'],
  [6_840_000_000, '6.84 GB'],
  [412_300_000, '412 MB'],
  [2 ** 53 - 1, '9.01 PB'],
])('%d bytes on disk are %s', (bytes, text) => expect(fileSize(bytes)).toBe(text));

test('RAM is counted in binary units, rates in decimal ones', () => {
  expect([ramSize(256 * 2 ** 20), ramSize(1.5 * 2 ** 30), rate(412e6)]).toEqual(['256 MiB', '1.50 GiB', '412 MB/s']);
});

test.each([
  [31.4, '31 ms'],
  [4200, '4.2 s'],
  [48_000, '48 s'],
  [59_900, '60 s'],
  [200_000, '3 min 20 s'],
])('%d ms are %s', (milliseconds, text) => expect(duration(milliseconds)).toBe(text));

test('a table aligns its columns and lets no control character through', () => {
  const columns = [
    { title: 'NAME', value: ({ name }: { name: string }) => name },
    { title: 'SIZE', align: 'right' as const, value: ({ name }: { name: string }) => String(name.length) },
  ];
  expect(table(columns, [{ name: 'demo' }, { name: 'a\u001B[2Jb' }])).toBe(
    ['NAME    SIZE', 'demo       4', 'a\uFFFD[2Jb     6'].join('\n'),
  );
  expect(printable('a\nb\u202Ec')).toBe('a\uFFFDb\uFFFDc');
});
