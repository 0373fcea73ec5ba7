import { describe, expect, it } from 'vitest';
import { buildStream } from '../../test/support/stream-builder';
import { ByteCursor } from '../bytes/cursor';
import { joinBytes } from '../bytes/join';
import { MemorySource } from '../bytes/memory-source';
import type { Parsed } from '../bytes/table';
import { readConfiguration, type ConfigurationDraft } from './configuration';
import { LAYOUT } from './layout';
import type { Configuration } from './model';
import { parseStream } from './parse';
import {
  encodeBlockRecord,
  encodeConfiguration,
  encodeEndOfRam,
  encodeFooter,
  encodeRamEnd,
  encodeRamTotal,
  encodeStreamHeader,
} from './writer';

async function configurationIn(bytes: Uint8Array, at: number): Promise<Configuration> {
  const draft: ConfigurationDraft = { value: null };
  await readConfiguration(new ByteCursor(new MemorySource(bytes), bytes.length, at), LAYOUT, draft);
  if (draft.value === null) throw new Error('no configuration');
  return draft.value;
}

describe('a CONFIGURATION with other capabilities', () => {
  const uuid = Uint8Array.from({ length: 16 }, (_, index) => index);
  const shapes = [
    {},
    { capabilities: ['x-ignore-shared'] },
    { capabilities: ['mapped-ram', 'x-ignore-shared'], uuid },
    { targetPageBits: 16, uuid },
    { targetPageBits: 14, capabilities: ['x-ignore-shared'], uuid, machine: 'virt-10.0' },
  ];
  const wanted = [[], ['mapped-ram'], ['mapped-ram', 'x-ignore-shared']];

  it.each(shapes.flatMap((shape) => wanted.map((capabilities) => ({ shape, capabilities }))))(
    'keeps all else: $shape with $capabilities',
    async ({ shape, capabilities }) => {
      const source = buildStream({ mapped: false, ...shape });
      const before = await configurationIn(source, 8);
      const bytesOf = ({ offset, length }: Parsed): Uint8Array => source.subarray(offset, offset + length);
      const after = await configurationIn(encodeConfiguration(before, bytesOf, capabilities), 0);
      expect(after.capabilities).toEqual(capabilities);
      const { machine, targetPageBits } = before;
      expect([after.machine, after.targetPageBits, after.uuid]).toEqual([machine, targetPageBits, before.uuid]);
      const names = after.subsections.map(({ record }) => record.values.name.replace('configuration/', ''));
      const order = ['target-page-bits', 'capabilities', 'uuid'];
      expect(names).toEqual(order.filter((name) => names.includes(name)));
    },
  );

  it('is the same, byte for byte, when its capabilities are its own', async () => {
    const source = buildStream({ mapped: false, capabilities: ['x-ignore-shared'], targetPageBits: 13, uuid });
    const before = await configurationIn(source, 8);
    const bytesOf = ({ offset, length }: Parsed): Uint8Array => source.subarray(offset, offset + length);
    const encoded = encodeConfiguration(before, bytesOf, before.capabilities);
    expect(encoded).toEqual(source.slice(8, 8 + encoded.length));
  });
});

describe('a stream of encoded pieces', () => {
  it.each([2, 3] as const)('of version %i parses: two blocks, an END, a device', async (version) => {
    const stream = joinBytes([
      encodeStreamHeader(version),
      Uint8Array.of(1, 0, 0, 0, 7, 3, 0x72, 0x61, 0x6d, 0, 0, 0, 0, 0, 0, 0, 4),
      encodeRamTotal(12288),
      encodeBlockRecord('pc.ram', 8192),
      encodeBlockRecord('/rom@etc/a.b', 4096),
      encodeEndOfRam(),
      encodeFooter(7),
      encodeRamEnd(7, true),
      Uint8Array.of(4, 0, 0, 0, 9, 1, 0x78, 0, 0, 0, 0, 0, 0, 0, 1, 1, 2, 3),
      encodeFooter(9),
      Uint8Array.of(0),
    ]);
    const parsed = await parseStream(new MemorySource(stream));
    expect(parsed.complete).toBe(true);
    expect(parsed.problems.filter(({ severity }) => severity === 'error')).toEqual([]);
    expect(parsed.ramBlocks.map(({ name, usedLength }) => [name, usedLength])).toEqual([
      ['pc.ram', 8192],
      ['/rom@etc/a.b', 4096],
    ]);
    expect(parsed.sections.map(({ type }) => type)).toEqual(['start', 'end', 'full']);
  });

  it('without footers has none', () => {
    expect(encodeRamEnd(7, false)).toHaveLength(5 + 8);
    expect(encodeRamEnd(7, true)).toHaveLength(5 + 8 + 5);
  });
});
