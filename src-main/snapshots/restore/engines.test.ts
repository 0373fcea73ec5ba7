import { StillframeError } from '@shared/contracts/failure';
import { describe, expect, test } from 'vitest';
import { chooseLoadEngine, loadOutlook, type LoadFacts } from './engines';

const GIB = 1024 ** 3;
const shareable: LoadFacts = {
  qemuVersion: '10.0.2',
  mappedRam: true,
  file: 'mapped-ram',
  blocks: [
    { name: 'pc.ram', usedLength: GIB },
    { name: 'vga.vram', usedLength: 16 * 1024 * 1024 },
  ],
  memory: { shared: true, block: 'pc.ram', bytes: GIB },
  sharesItself: false,
};
const old: LoadFacts = { ...shareable, qemuVersion: '7.2.22', mappedRam: false };
const own = { memory: { shared: false, why: 'The command line says where the memory is (-mem-path)' } } as const;

describe('auto', () => {
  test.each<[string, LoadFacts, string, string]>([
    ['QEMU with mapped-ram', shareable, 'native', 'QEMU reads mapped-ram files itself.'],
    [
      'QEMU with mapped-ram, memory of its own',
      { ...shareable, ...own },
      'native',
      'QEMU reads mapped-ram files itself.',
    ],
    [
      'an old QEMU, with shared memory of its own',
      { ...old, ...own, sharesItself: true },
      'channels',
      "QEMU 7.2.22 cannot read mapped-ram files; QEMU 9.0 was the first that could, so channels put the pages into the VM's shared memory.",
    ],
    ['a stream', { ...shareable, file: 'stream' }, 'native', 'QEMU reads its own stream.'],
    ['a stream, an old QEMU', { ...old, file: 'stream' }, 'native', 'QEMU reads its own stream.'],
    [
      'an old QEMU',
      old,
      'channels',
      "QEMU 7.2.22 cannot read mapped-ram files; QEMU 9.0 was the first that could, so channels put the pages into the VM's shared memory.",
    ],
    [
      'an old QEMU, memory of its own',
      { ...old, ...own },
      'emit',
      "QEMU 7.2.22 cannot read mapped-ram files; QEMU 9.0 was the first that could, so a worker makes a stream of it; the VM's memory cannot be shared. The command line says where the memory is (-mem-path).",
    ],
  ])('%s', (_, facts, engine, why) => {
    expect(loadOutlook(facts).auto).toEqual({ engine, why });
  });
});

describe('an engine that was asked for', () => {
  const outcome = (facts: LoadFacts, wanted: 'auto' | 'native' | 'channels' | 'emit') => {
    try {
      return chooseLoadEngine(loadOutlook(facts), wanted);
    } catch (error) {
      if (error instanceof StillframeError) return error.failure;
      throw error;
    }
  };

  test('is taken where it can', () => {
    for (const engine of ['native', 'channels', 'emit'] as const) expect(outcome(shareable, engine)).toBe(engine);
    expect(outcome(old, 'emit')).toBe('emit');
  });

  test.each<[string, LoadFacts, 'native' | 'channels' | 'emit', string, string]>([
    [
      'native',
      old,
      'native',
      'QEMU 7.2.22 cannot read mapped-ram files; QEMU 9.0 was the first that could',
      'channels',
    ],
    [
      'channels',
      { ...shareable, ...own },
      'channels',
      "The VM's memory cannot be shared. The command line says where the memory is (-mem-path)",
      'native',
    ],
    [
      'channels for another memory',
      { ...shareable, memory: { shared: true, block: 'mach-virt.ram', bytes: GIB } },
      'channels',
      'The snapshot has no block mach-virt.ram, which is the memory that the recipe names',
      'native',
    ],
    [
      'channels for less memory',
      { ...shareable, memory: { shared: true, block: 'pc.ram', bytes: GIB / 2 } },
      'channels',
      'The snapshot has 1073741824 bytes of pc.ram, and the recipe 536870912',
      'native',
    ],
    [
      'channels',
      { ...shareable, file: 'stream' },
      'channels',
      'The file is an ordinary stream, which only QEMU reads',
      'native',
    ],
    [
      'emit',
      { ...shareable, file: 'stream' },
      'emit',
      'The file is an ordinary stream already, which QEMU reads itself',
      'native',
    ],
  ])('is refused with its reason: %s', (_, facts, wanted, what, instead) => {
    expect(outcome(facts, wanted)).toMatchObject({
      code: 'restore.preflight',
      what,
      todo: `Restore it with the engine ${instead}.`,
      where: { field: 'engine' },
    });
  });
});
