/** The conditions that `npm run bench:matrix` fails on. */
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { Bounds, sizeOf } from '../bench/matrix/bounds';
import { settingsBroken, type Way } from '../bench/matrix/qemu-modes';
import { tableOf } from '../bench/matrix/table';
import type { Mode, Run } from '../bench/matrix/types';
import { PlainQemu } from '../support/plain-qemu';
import { tempDirPerTest } from '../support/temp';

const folder = tempDirPerTest();
let vm: PlainQemu;

beforeEach(async () => {
  vm = await PlainQemu.start({ argv: ['-M', 'q35', '-m', '32', '-S'], folder: folder() });
});

afterEach(() => vm.stop());

const way: Way = { name: '', on: ['mapped-ram', 'multifd'], directIo: true };

test.each<[string, Parameters<PlainQemu['setMigration']>[0], readonly string[]]>([
  ['is what the mode says', {}, []],
  [
    'has a bandwidth limit',
    { parameters: { 'max-bandwidth': 2 ** 27 } },
    ['QEMU ran with max-bandwidth 134217728, not 0.'],
  ],
  ['has no direct I/O', { directIo: false }, ['QEMU ran with direct-io false, not true.']],
  ['has fewer channels', { channels: 2 }, ['QEMU ran with multifd-channels 2, not 4.']],
  ['has a capability off', { mappedRam: false }, ['QEMU ran with the capabilities multifd.']],
  [
    'has one more on',
    { capabilities: { 'auto-converge': true } },
    ['QEMU ran with the capabilities auto-converge, multifd, mapped-ram.'],
  ],
])('a QEMU that %s', async (_, change, sentences) => {
  await vm.setMigration({ mappedRam: true, channels: 4, directIo: true, ...change });
  expect(await settingsBroken(vm, way)).toEqual(sentences);
});

test('a mapped-ram file that is longer, or takes up more, than its pages need', async () => {
  const file = join(folder(), 'saved');
  await vm.save(`file:${file}`, { mappedRam: true });
  const bounds = new Bounds();
  const size = await sizeOf(file);
  expect(bounds.ofUnfinished({ ...size, fileBytes: 2 ** 40 })).toEqual([]);
  expect(await bounds.ofWhole(file, size)).toEqual([]);
  expect(bounds.ofUnfinished({ ...size, fileBytes: 2 ** 40 })).toHaveLength(1);
  const [length, space] = await bounds.ofWhole(file, {
    fileBytes: size.fileBytes + 16 * 2 ** 20,
    allocatedBytes: size.allocatedBytes + 16 * 2 ** 20,
  });
  expect(length).toMatch(/^The file has \d+ bytes; \d+ are enough\.$/);
  expect(space).toMatch(/^The file takes up \d+ bytes; \d+ are enough\.$/);
});

test('the table has the medians, the longest QMP answers, and says what did not end', () => {
  const mode: Mode = {
    name: 'mapped-ram',
    who: 'QEMU',
    live: true,
    flush: 'end',
    run: () => Promise.reject(new Error()),
  };
  const run: Run = {
    ...{
      end: 'done',
      saveMs: 1000,
      stoodMs: 20,
      flushMs: 250,
      pages: 262_144,
      fileBytes: 2 ** 30,
      allocatedBytes: 2 ** 29,
    },
    ...{ qmpSaveMs: 3, qmpFlushMs: 1, cpuSeconds: 0.5, violations: [] },
  };
  const runs: Run[] = [run, { ...run, saveMs: 4000, qmpSaveMs: 90 }, { ...run, saveMs: 2000, end: 'given up' }];
  const failed = { mode: { ...mode, who: 'Stillframe' as const }, runs: [], failed: 'It broke.' };
  const [head, , line, other] = tableOf([{ mode, runs, failed: null }, failed], 2 ** 30).split('\n');
  expect(head?.split(/ {2,}/)).toHaveLength(14);
  expect(line?.split(/ {2,}/)).toEqual([
    ...[
      'mapped-ram',
      'QEMU',
      'runs',
      'end',
      '2.00, given up (1 of 3)',
      '0.02',
      '131072',
      '537',
      '1.00',
      '0.50',
      '0.25',
    ],
    ...['90', '1', '0.50'],
  ]);
  expect(other).toContain('It broke.');
});
