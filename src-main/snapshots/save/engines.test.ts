import { StillframeError } from '@shared/contracts/failure';
import { describe, expect, test } from 'vitest';
import { wayOf } from './engine-facts';
import { autoEngine, chooseEngine, engineOutlook, type EngineBlock, type EngineFacts } from './engines';

const MIB = 1024 * 1024;
const block = (name: string, mib: number, way: EngineBlock['way'], why: string | null = null): EngineBlock => ({
  name,
  usedLength: mib * MIB,
  way,
  why: way === 'copied' ? null : (why ?? 'is private memory of QEMU'),
});
const vram = block('vga.vram', 16, 'stream');
const shared: EngineFacts = {
  qemuVersion: '10.0.2',
  mappedRam: true,
  ignoreShared: true,
  running: true,
  liveHazard: null,
  compression: null,
  tls: false,
  blocks: [block('pc.ram', 1024, 'copied'), vram],
  privateRam: null,
};
const own: EngineFacts = { ...shared, blocks: [block('pc.ram', 1024, 'stream'), vram] };
const old = { qemuVersion: '7.2.22', mappedRam: false };

const auto = (facts: EngineFacts) => [autoEngine(facts, 'live')?.engine ?? null, autoEngine(facts, 'paused')?.engine];

describe('auto', () => {
  test.each<[string, EngineFacts, (string | null)[]]>([
    ['a VM with shared memory', shared, ['native', 'channels']],
    ['a VM with memory of its own', own, ['native', 'native']],
    ['an old QEMU, shared memory', { ...shared, ...old }, ['ingest', 'channels']],
    ['an old QEMU, memory of its own', { ...own, ...old }, ['ingest', 'ingest']],
    ['a QEMU without x-ignore-shared', { ...shared, ...old, ignoreShared: false }, ['ingest', 'ingest']],
    ['compression', { ...own, compression: 'zstd' }, ['ingest', 'ingest']],
    ['compression, shared memory', { ...shared, compression: 'zstd' }, ['ingest', 'channels']],
    ['TLS', { ...own, tls: true }, ['ingest', 'ingest']],
    ['a guest that stands still', { ...shared, running: false }, ['channels', 'channels']],
    ['a live hazard', { ...shared, liveHazard: 'It would end' }, [null, 'channels']],
    [
      'a live hazard, but the guest stands still',
      { ...own, liveHazard: 'It would end', running: false },
      ['native', 'native'],
    ],
    [
      'a small part of its own',
      { ...shared, blocks: [block('n0', 900, 'copied'), block('n1', 124, 'stream')] },
      ['native', 'channels'],
    ],
    [
      'half of its own',
      { ...shared, blocks: [block('n0', 512, 'copied'), block('n1', 512, 'stream')] },
      ['native', 'channels'],
    ],
    [
      'most of its own',
      { ...shared, blocks: [block('n0', 511, 'copied'), block('n1', 513, 'stream')] },
      ['native', 'native'],
    ],
    [
      'a small part that would be lost',
      { ...shared, blocks: [...shared.blocks, block('s', 1, 'lost')] },
      ['native', 'native'],
    ],
    ['no memory that could be told', { ...shared, blocks: [] }, ['native', 'native']],
  ])('%s', (_, facts, engines) => {
    expect(auto(facts)).toEqual(engines);
  });

  test('always says why, as a sentence', () => {
    for (const facts of [shared, own, { ...own, ...old }, { ...own, tls: true }, { ...own, compression: 'zlib' }])
      for (const mode of ['live', 'paused'] as const) expect(autoEngine(facts, mode)?.why).toMatch(/^[A-Z].*[^.]\.$/);
    expect(autoEngine(own, 'paused')?.why).toBe(
      "QEMU writes mapped-ram files itself, and channels cannot, since the VM's memory is not shared: pc.ram is private memory of QEMU.",
    );
    expect(autoEngine({ ...own, ...old }, 'paused')?.why).toBe(
      'QEMU 7.2.22 cannot write mapped-ram files; QEMU 9.0 was the first that could, so a worker lays out its stream.',
    );
  });

  test('takes no engine that is blocked, and finds one wherever one is not', () => {
    for (const facts of every())
      for (const mode of ['live', 'paused'] as const) {
        const open = engineOutlook(facts).filter(({ blocked }) => blocked[mode] === null);
        const taken = autoEngine(facts, mode)?.engine ?? null;
        if (taken === null) expect(open).toEqual([]);
        else expect(open.map(({ engine }) => engine)).toContain(taken);
      }
  });
});

/** Every combination of what the rules go by. */
function every(): EngineFacts[] {
  let all: EngineFacts[] = [shared, own];
  const vary = (change: Partial<EngineFacts>): void => {
    all = all.flatMap((facts) => [facts, { ...facts, ...change }]);
  };
  vary({ mappedRam: false });
  vary({ ignoreShared: false });
  vary({ running: false });
  vary({ liveHazard: 'It would end' });
  vary({ compression: 'zlib' });
  vary({ tls: true });
  vary({ blocks: [block('pc.ram', 64, 'lost'), vram] });
  return all;
}

describe('an engine that was asked for', () => {
  test('is taken where it can', () => {
    for (const engine of ['native', 'channels', 'ingest'] as const)
      expect(chooseEngine(shared, engine, 'paused').engine).toBe(engine);
  });

  test.each<[string, EngineFacts, 'native' | 'channels' | 'ingest' | 'auto', 'live' | 'paused', RegExp, string]>([
    ['channels while the guest runs', shared, 'channels', 'live', /a guest that stands still/, 'Save it paused.'],
    [
      'channels of private memory',
      own,
      'channels',
      'paused',
      /pc\.ram is private memory/,
      'Save it with the engine native.',
    ],
    [
      'channels of a VM whose start said why',
      { ...own, privateRam: 'The command line says where the memory is (-mem-path)' },
      'channels',
      'paused',
      /not shared\. The command line says where the memory is \(-mem-path\)$/,
      'Save it with the engine native.',
    ],
    [
      'native of an old QEMU',
      { ...own, ...old },
      'native',
      'paused',
      /^QEMU 7\.2\.22 cannot/,
      'Save it with the engine ingest.',
    ],
    [
      'native with compression',
      { ...shared, compression: 'zlib' },
      'native',
      'live',
      /multifd-compression is zlib/,
      'Save it with the engine ingest.',
    ],
    ['native with TLS', { ...shared, tls: true }, 'native', 'paused', /tls-creds/, 'Save it with the engine channels.'],
    [
      'any with a live hazard',
      { ...shared, liveHazard: 'It ends itself' },
      'auto',
      'live',
      /^It ends itself$/,
      'Save it paused.',
    ],
    [
      'ingest with a live hazard',
      { ...shared, liveHazard: 'It ends itself' },
      'ingest',
      'live',
      /^It ends itself$/,
      'Save it paused.',
    ],
    [
      'channels where a block would be lost',
      { ...shared, blocks: [block('s', 9, 'lost', 'is nowhere')] },
      'channels',
      'paused',
      /^s is nowhere, and QEMU would leave it out$/,
      'Save it with the engine native.',
    ],
  ])('is refused with its reason: %s', (_, facts, engine, mode, what, todo) => {
    const failure = (() => {
      try {
        chooseEngine(facts, engine, mode);
      } catch (error) {
        if (error instanceof StillframeError) return error.failure;
      }
      throw new Error('it was not refused');
    })();
    expect(failure).toMatchObject({ code: 'save.blocked', what: expect.stringMatching(what) as string, todo });
  });
});

describe('the way of a block', () => {
  const memory = { name: 'pc.ram', usedLength: MIB };
  const place = { openPath: '/proc/1/fd/3', offset: 0, dev: '1', ino: '2' };
  test.each<[string, Parameters<typeof wayOf>[0], boolean, EngineBlock['way']]>([
    ['shared and left out', { ...memory, shared: place, why: null }, true, 'copied'],
    ['shared, but written by QEMU', { ...memory, shared: place, why: null }, false, 'stream'],
    ['private', { ...memory, shared: null, why: 'is private', kind: 'private' }, true, 'stream'],
    ['a private copy', { ...memory, shared: null, why: 'is a copy', kind: 'copy' }, true, 'stream'],
    ['unreachable and left out', { ...memory, shared: null, why: 'is nowhere', kind: 'unreachable' }, true, 'lost'],
    [
      'unreachable, but written by QEMU',
      { ...memory, shared: null, why: 'is nowhere', kind: 'unreachable' },
      false,
      'stream',
    ],
  ])('%s', (_, given, leftOut, way) => {
    expect(wayOf(given, leftOut, '10.0.2').way).toBe(way);
  });
});
