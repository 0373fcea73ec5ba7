import { describe, expect, it } from 'vitest';
import { buildStream, type BuiltStream } from '../../test/support/stream-builder';
import { MemorySource } from '../bytes/memory-source';
import type { ParsedStream } from './model';
import { parseStream, type ParseOptions } from './parse';

const RAM = { name: 'pc.ram', usedLength: 70 * 4096, present: [0, 69] };
const ROM = { name: '/rom@etc/acpi/tables', usedLength: 4096, present: [0] };

const parse = (stream: BuiltStream, options: ParseOptions = {}): Promise<ParsedStream> =>
  parseStream(new MemorySource(buildStream(stream), 'file'), options);

const codesOf = ({ problems }: ParsedStream): readonly string[] => problems.map(({ code }) => code);

describe('a mapped-ram stream', () => {
  it('is read whole, each structure at its place', async () => {
    const stream = await parse({ blocks: [RAM, ROM] });
    expect(stream).toMatchObject({ complete: true, problems: [], footers: true, ramTotal: { bytes: 71 * 4096 } });
    expect(
      stream.ramBlocks.map(({ name, header }) => [name, header?.pagesTotal, header?.mapped?.bitmap.length]),
    ).toEqual([
      ['pc.ram', 70, 16],
      ['/rom@etc/acpi/tables', 1, 8],
    ]);
    expect(stream.sections.map(({ type, name }) => `${type} ${String(name)}`)).toEqual([
      'start ram',
      'command SWITCHOVER_START',
      'end ram',
      'full timer',
    ]);
    expect(stream.description?.devices).toEqual([{ name: 'timer', instance: 0, length: 24 }]);
    expect(stream.end).toBe(stream.size);
  });

  it.each([1024, 4096, 16384, 65536])('has target pages of %i bytes', async (pageSize) => {
    const stream = await parse({ blocks: [{ name: 'ram', usedLength: 5 * pageSize, pageSize, present: [4] }] });
    expect(stream).toMatchObject({ complete: true, problems: [] });
    expect(stream.ramBlocks[0]?.header).toMatchObject({ pageSize, pagesTotal: 5 });
  });

  it('may have skipped a block: both its offsets are 0, and the next record follows at once', async () => {
    const stream = await parse({ blocks: [{ ...RAM, skipped: true }, ROM] });
    expect(stream).toMatchObject({ complete: true, problems: [] });
    expect(stream.ramBlocks.map(({ header }) => header?.mapped === null)).toEqual([true, false]);
  });

  it('may carry guest-physical addresses (x-ignore-shared)', async () => {
    const blocks = [
      { ...RAM, address: 0 },
      { ...ROM, address: 2 ** 32 },
    ];
    const stream = await parse({ blocks, capabilities: ['x-ignore-shared', 'mapped-ram'] });
    expect(stream).toMatchObject({ complete: true, problems: [] });
    expect(stream.ramBlocks.map(({ address }) => address?.values['guest-physical address'])).toEqual([0, 2 ** 32]);
  });

  it('may have a configuration with UUID and page bits', async () => {
    const uuid = Uint8Array.from({ length: 16 }, (_, at) => at);
    const stream = await parse({ blocks: [RAM], uuid, targetPageBits: 12 });
    expect(stream.configuration).toMatchObject({ uuid, targetPageBits: 12, capabilities: ['mapped-ram'] });
    expect(stream.complete).toBe(true);
  });

  it('without CONFIGURATION is told from the bytes of its first block, and that is said', async () => {
    const stream = await parse({ blocks: [RAM, ROM], machine: null });
    expect(stream).toMatchObject({ complete: true, configuration: null });
    expect(stream.problems).toEqual([expect.objectContaining({ code: 'no-configuration', severity: 'note' })]);
    expect(stream.ramBlocks.every(({ header }) => header?.mapped)).toBe(true);
  });
});

describe('a stream with page records', () => {
  const blocks = [RAM, ROM];

  it('may carry a host page size for some blocks (postcopy with huge pages)', async () => {
    const stream = await parse({ mapped: false, blocks: [{ ...RAM, hostPageSize: 2 ** 21 }, ROM] });
    expect(stream).toMatchObject({ complete: true, problems: [] });
    expect(stream.ramBlocks.map(({ hostPageSize }) => hostPageSize?.values['block page size'])).toEqual([
      2 ** 21,
      undefined,
    ]);
  });

  it('may carry one for its last block, behind which the records begin', async () => {
    const last = { ...ROM, hostPageSize: 65536 };
    const stream = await parse({ mapped: false, blocks: [RAM, last], machine: null });
    expect(stream.complete).toBe(true);
    expect(stream.ramBlocks[1]?.hostPageSize?.values['block page size']).toBe(65536);
  });

  it('may have no END, as a background snapshot has none; a mapped-ram stream may not', async () => {
    const legacy = await parse({ mapped: false, blocks, end: false });
    expect(legacy).toMatchObject({ complete: true, problems: [{ code: 'not-ended', severity: 'note' }] });
    const mapped = await parse({ blocks, end: false });
    expect(mapped).toMatchObject({ complete: false, problems: [{ code: 'early-eof', severity: 'error' }] });
  });

  it('that says its pages went elsewhere is not complete', async () => {
    const stream = await parse({ mapped: false, blocks, records: [() => undefined, (bytes) => bytes.uint(0x200, 8)] });
    expect(stream.complete).toBe(false);
    expect(codesOf(stream)).toEqual(['pages-elsewhere']);
  });
});

describe('devices', () => {
  const devices = [
    { name: 'timer', data: Uint8Array.from({ length: 40 }, (_, at) => at) },
    { name: '0000:00:1f.0/lpc', data: Uint8Array.of(0x7e, 0, 0, 0, 3, 0x55) },
    { name: 'dma', data: new Uint8Array(300) },
    { name: 'dma', instance: 1, data: new Uint8Array(7) },
  ];
  const lengths = devices.map(({ data }) => data.length);
  const found = ({ sections }: ParsedStream): readonly number[] =>
    sections.filter(({ type }) => type === 'full').map(({ data }) => data.length);

  it.each([
    ['footers and a description', {}],
    ['footers alone', { description: 'none' }],
    ['a description alone', { footers: false }],
  ] as const)('are told apart by %s', async (_, options) => {
    const stream = await parse({ blocks: [RAM], devices, ...options });
    expect(stream).toMatchObject({ complete: true, problems: [] });
    expect(found(stream)).toEqual(lengths);
  });

  it('whose data looks like a footer are still told apart by the sizes of the description', async () => {
    const fake = Uint8Array.of(1, 2, 0x7e, 0, 0, 0, 2, 4, 0, 0, 0, 9, 2, 0x61, 0x62, 9, 9);
    const stream = await parse({ blocks: [RAM], devices: [{ name: 'timer', data: fake }, ...devices.slice(1)] });
    expect(stream).toMatchObject({ complete: true, problems: [] });
    expect(found(stream)).toEqual([fake.length, ...lengths.slice(1)]);
  });

  // The clock of a real VM ends so once in 256 saves, its section being number 0.
  const clock = { name: 'timer', data: Uint8Array.of(1, 2, 0x7e, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 9) };

  it.each([
    ['with a description', 'right'],
    ['without', 'none'],
  ] as const)('whose data looks like a footer and an EOF do not end the stream, %s', async (_, description) => {
    const stream = await parse({ blocks: [RAM], devices: [clock, ...devices.slice(1)], description });
    expect(stream).toMatchObject({ complete: true, problems: [] });
    expect(found(stream)).toEqual([clock.data.length, ...lengths.slice(1)]);
  });

  it('whose data looks like a footer and an EOF do not hide that the file was cut', async () => {
    const whole = buildStream({ blocks: [RAM], devices: [clock, ...devices.slice(1)] });
    const stream = await parseStream(new MemorySource(whole.subarray(0, whole.length - 20), 'file'));
    expect(stream.complete).toBe(false);
    expect(codesOf(stream)).toContain('truncated');
    expect(found(stream)).toEqual([clock.data.length, ...lengths.slice(1)]);
  });

  it('cannot be told apart with neither, and that is said', async () => {
    const stream = await parse({ blocks: [RAM], devices, footers: false, description: 'none' });
    expect(stream.complete).toBe(false);
    expect(codesOf(stream)).toEqual(['devices-unknown']);
    expect(stream.sections.at(-1)).toMatchObject({ type: 'full', name: 'timer' });
  });

  it.each([
    ['another size', { name: 'timer', instance_id: 0, fields: [{ name: 'x', size: 39 }] }],
    ['another device', { name: 'timex', instance_id: 0, fields: [{ name: 'x', size: 40 }] }],
  ])('that the description calls %s are a warning', async (_, device) => {
    const text = JSON.stringify({ page_size: 4096, devices: [device] });
    const stream = await parse({ blocks: [RAM], devices: devices.slice(0, 1), description: { text } });
    expect(stream.complete).toBe(true);
    expect(codesOf(stream)).toEqual(['description-disagrees']);
  });
});

describe('the end of a stream', () => {
  it('may have bytes behind it', async () => {
    const stream = await parse({ blocks: [RAM], trailing: Uint8Array.of(1, 2, 3) });
    expect(stream).toMatchObject({ complete: true, problems: [{ code: 'trailing-bytes', severity: 'note' }] });
    expect(stream.size - stream.end).toBe(3);
  });

  it('that is missing makes it not complete', async () => {
    const stream = await parse({ blocks: [RAM], eof: false });
    expect(stream).toMatchObject({ complete: false, eof: null });
    expect(codesOf(stream)).toEqual(['truncated']);
  });

  it('before the devices, where zeros follow, is what a lost tail looks like', async () => {
    const stream = await parse({ blocks: [RAM], devices: [], description: 'none', trailing: new Uint8Array(100) });
    expect(stream.complete).toBe(false);
    expect(codesOf(stream)).toEqual(['early-eof', 'trailing-bytes']);
  });
});

describe('where the stream begins', () => {
  const stream = { blocks: [RAM] };

  it.each([1, 4096, 300_001, 5 * 1024 * 1024])('is found behind %i zeros', async (at) => {
    expect(await parse({ ...stream, at })).toMatchObject({ complete: true, container: { streamOffset: at } });
  });

  it('is not looked for past 64 MiB, but taken there when told', async () => {
    const at = 64 * 1024 * 1024;
    await expect(parse({ ...stream, at })).rejects.toMatchObject({ failure: { code: 'format.not-a-stream' } });
    expect(await parse({ ...stream, at }, { streamOffset: at })).toMatchObject({ complete: true });
  });

  it('is not found in other files', async () => {
    for (const bytes of [
      new Uint8Array(0),
      Uint8Array.of(1),
      new Uint8Array(5000),
      Uint8Array.from(Buffer.from('QEVN3')),
    ]) {
      await expect(parseStream(new MemorySource(bytes, 'other'))).rejects.toMatchObject({
        failure: { code: 'format.not-a-stream', where: { path: 'other', field: 'magic' } },
      });
    }
  });

  it('is refused for a version that is not known', async () => {
    const bytes = buildStream(stream);
    bytes[7] = 4;
    await expect(parseStream(new MemorySource(bytes))).rejects.toMatchObject({
      failure: { code: 'format.unsupported', where: { offset: 4, field: 'version' } },
    });
    bytes[7] = 2;
    expect((await parseStream(new MemorySource(bytes))).complete).toBe(true);
  });
});

describe('what cannot be read on', () => {
  it('keeps what was read: a newer mapped-ram header in the second block', async () => {
    const bytes = buildStream({ blocks: [RAM, ROM] });
    const whole = await parseStream(new MemorySource(bytes));
    bytes[(whole.ramBlocks[1]?.header?.record.offset ?? 0) + 3] = 2;
    const stream = await parseStream(new MemorySource(bytes));
    expect(stream.complete).toBe(false);
    expect(stream.ramBlocks.map(({ name }) => name)).toEqual(['pc.ram']);
    expect(stream.problems).toEqual([
      expect.objectContaining({ code: 'unsupported', message: expect.stringContaining('newest one known') as string }),
    ]);
  });

  it('keeps what was read: a configuration subsection that is not known', async () => {
    const bytes = buildStream({ blocks: [RAM] });
    const at = Buffer.from(bytes).indexOf('capabilities');
    bytes[at] = 0x43;
    const stream = await parseStream(new MemorySource(bytes));
    expect(stream.configuration?.machine).toBe('pc-q35-10.0');
    expect(codesOf(stream)).toEqual(['unsupported']);
  });
});
