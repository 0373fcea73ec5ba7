import { describe, expect, it } from 'vitest';
import { buildStream, type Bytes } from '../support/stream-builder';
import { judge, newTally, type Verdict } from './judge';

const judged = (bytes: Uint8Array, what: string): Promise<Verdict> =>
  judge({ bytes, holes: [] }, null, what, newTally());

const codesOf = (verdict: Verdict): readonly string[] =>
  verdict.kind === 'refused' ? [verdict.code] : verdict.report.problems.map(({ code }) => code);

const RAM = { name: 'pc.ram', usedLength: 4096 };

/** A stream whose RAM section holds what `write` writes behind the block list. */
const withRecords = (write: (bytes: Bytes) => void): Uint8Array =>
  buildStream({ mapped: false, blocks: [RAM], records: [write] });

describe('small files that promise much', () => {
  it('a hundred thousand sections are walked, and not all listed', async () => {
    const nothing = (): void => undefined;
    const bytes = buildStream({ mapped: false, blocks: [RAM], records: new Array<() => void>(100_000).fill(nothing) });
    const verdict = await judged(bytes, 'many sections');
    expect(codesOf(verdict)).toEqual(['too-many']);
    const sections = verdict.kind === 'refused' ? [] : verdict.report.sections;
    expect(sections.length).toBeLessThan(20_010);
    expect(sections.slice(-4).map(({ type }) => type)).toEqual(['end', 'full', 'eof', 'vmdescription']);
  });

  it('a hundred thousand devices are refused as more than QEMU has', async () => {
    const devices = Array.from({ length: 100_000 }, (_, at) => ({ name: `d${at}`, data: new Uint8Array(0) }));
    const verdict = await judged(buildStream({ blocks: [RAM], devices, description: 'none' }), 'many devices');
    expect(codesOf(verdict)).toContain('bad-value');
  });

  it('a hundred thousand RAM blocks are refused as more than QEMU has', async () => {
    const blocks = Array.from({ length: 100_000 }, (_, at) => ({ name: `b${at}`, usedLength: 4096 }));
    const verdict = await judged(buildStream({ mapped: false, blocks }), 'many blocks');
    expect(codesOf(verdict)).toContain('bad-value');
  });

  it('a million zero-page records in a megabyte or nine are counted', async () => {
    const record = Buffer.from('000000000000002200', 'hex');
    const many = Buffer.alloc(record.length * 1_000_000, record);
    const bytes = withRecords((out) => out.uint(0x02, 8).name('pc.ram').uint(0, 1).raw(many));
    expect((await judged(bytes, 'many records')).kind).toBe('clean');
  });

  it('capabilities by the million are refused', async () => {
    const bytes = buildStream({ blocks: [RAM] });
    const at = Buffer.from(bytes).indexOf('configuration/capabilities') + 26 + 4;
    new DataView(bytes.buffer).setUint32(at, 2 ** 32 - 1);
    expect(codesOf(await judged(bytes, 'capabilities'))).toContain('bad-value');
  });

  it('a machine type of 4 GiB is refused', async () => {
    const bytes = buildStream({ blocks: [RAM] });
    new DataView(bytes.buffer).setUint32(9, 2 ** 32 - 1);
    expect(codesOf(await judged(bytes, 'machine type'))).toContain('bad-value');
  });

  it('many pages of the same device look-alikes end at the right footer or are reported', async () => {
    const fake = Buffer.alloc(2_000_000, Buffer.from('7e0000000204000000030161', 'hex'));
    const bytes = buildStream({ blocks: [RAM], devices: [{ name: 'timer', data: fake }] });
    const verdict = await judged(bytes, 'look-alikes');
    expect(verdict.kind === 'clean' || codesOf(verdict).length > 0).toBe(true);
  });

  it('look-alikes of a description by the thousand do not take long', async () => {
    const fake = Buffer.alloc(1_000_000, Buffer.from('0006000100007b22', 'hex'));
    const bytes = buildStream({ blocks: [RAM], footers: false, devices: [{ name: 'timer', data: fake }] });
    expect(codesOf(await judged(bytes, 'descriptions'))).toContain('devices-unknown');
  });
});
