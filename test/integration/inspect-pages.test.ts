import { copyFile, open, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { blockOffset, byteCount, guestPhysical } from '../../src-shared/bytes/units';
import type { BlockReport, LocateReport } from '../../src-shared/contracts/inspect';
import type { RamRange } from '../../src-shared/contracts/library';
import type { Lease } from '../../src-shared/contracts/worker';
import { createWorkerApi } from '../../src-worker/api';
import { punchHole } from '../fixtures/migration-files';
import { PlainQemu, restoreWithPlainQemu } from '../support/plain-qemu';
import { makeTempDir, removeTempDir } from '../support/temp';

const MIB = 1024 * 1024;
const ARGV = ['-M', 'q35', '-m', '32', '-vga', 'std'];
/** A place in the middle of RAM that no firmware uses, not at the start of a page. */
const MARK_AT = 20 * MIB + 0x345;
const MARK = 0x1122334455667788n;
const MAP: readonly RamRange[] = [
  { block: 'pc.ram', blockOffset: blockOffset(0), guestPhysical: guestPhysical(0), length: byteCount(32 * MIB) },
  {
    block: 'pc.bios',
    blockOffset: blockOffset(0),
    guestPhysical: guestPhysical(2 ** 32 - 256 * 1024),
    length: byteCount(256 * 1024),
  },
];

const api = createWorkerApi();
let folder = '';
let path = '';
let inGuest: Buffer;
let bios: Buffer;

async function leaseOf(file: string): Promise<Lease> {
  const { dev, ino } = await stat(file, { bigint: true });
  return { path: file, dev: String(dev), ino: String(ino), name: file, streamOffset: null };
}

async function copyOf(name: string): Promise<string> {
  const copy = join(folder, name);
  await copyFile(path, copy);
  return copy;
}

async function bytesAt(file: string, offset: number, length: number): Promise<Buffer> {
  const handle = await open(file);
  try {
    return (await handle.read(Buffer.alloc(length), 0, length, offset)).buffer;
  } finally {
    await handle.close();
  }
}

beforeAll(async () => {
  folder = await makeTempDir('sfp');
  path = join(folder, 'm.mapped');
  const mark = ['-device', `loader,addr=${MARK_AT},data=${MARK},data-len=8`];
  const vm = await PlainQemu.start({ argv: [...ARGV, ...mark, '-S'], folder });
  try {
    await vm.save(`file:${path}`, { mappedRam: true, channels: 2 });
    inGuest = await vm.readMemory(MARK_AT & ~0xfff, 8192);
    bios = await vm.readMemory(2 ** 32 - 4096, 4096);
  } finally {
    await vm.stop();
  }
});

afterAll(() => removeTempDir(folder));

const locate = async (query: Parameters<typeof api.locate>[1], map = MAP): Promise<LocateReport> =>
  api.locate(await leaseOf(path), query, map);

describe('locate, on a file that QEMU wrote', () => {
  it('finds the bytes of a guest-physical address where the guest had them', async () => {
    const found = await locate({ kind: 'gpa', gpa: MARK_AT });
    expect(found).toMatchObject({
      block: 'pc.ram',
      page: Math.floor(MARK_AT / 4096),
      guestPhysical: MARK_AT,
      present: true,
    });
    expect((await bytesAt(path, found.fileOffset, 8)).readBigUInt64LE(0)).toBe(MARK);
    expect(inGuest.subarray(MARK_AT % 4096, (MARK_AT % 4096) + 8)).toEqual(await bytesAt(path, found.fileOffset, 8));
  });

  it('finds ROM that is mapped high, through the RAM map', async () => {
    const found = await locate({ kind: 'gpa', gpa: 2 ** 32 - 16 });
    expect(found).toMatchObject({ block: 'pc.bios', page: 63, present: true });
    expect(await bytesAt(path, found.fileOffset, 16)).toEqual(bios.subarray(-16));
  });

  it('takes a page number and a file offset to the same place', async () => {
    const byAddress = await locate({ kind: 'gpa', gpa: MARK_AT });
    const byPage = await locate({ kind: 'page', block: 'pc.ram', page: byAddress.page });
    expect(byPage).toEqual({
      ...byAddress,
      guestPhysical: MARK_AT - (MARK_AT % 4096),
      fileOffset: byAddress.fileOffset - (MARK_AT % 4096),
    });
    expect(await locate({ kind: 'offset', offset: byAddress.fileOffset })).toEqual(byAddress);
  });

  it('says that a page of zeros is not in the file', async () => {
    const found = await locate({ kind: 'gpa', gpa: 24 * MIB });
    expect(found.present).toBe(false);
    expect((await bytesAt(path, found.fileOffset, 4096)).every((byte) => byte === 0)).toBe(true);
  });

  it('knows no guest-physical address without a RAM map, and says so', async () => {
    expect((await locate({ kind: 'page', block: 'pc.ram', page: 0 }, [])).guestPhysical).toBeNull();
    await expect(locate({ kind: 'gpa', gpa: 0 }, [])).rejects.toMatchObject({ failure: { code: 'usage' } });
  });

  it.each([
    ['a block that is not there', { kind: 'page', block: 'pc.rum', page: 0 }],
    ['a page past the last', { kind: 'page', block: 'pc.ram', page: 8192 }],
    ['an offset in a header', { kind: 'offset', offset: 8 }],
    ['an offset past the end', { kind: 'offset', offset: 2 ** 52 }],
    ['an address without RAM', { kind: 'gpa', gpa: 2 ** 40 }],
  ] as const)('refuses %s', async (_, query) => {
    await expect(locate(query)).rejects.toMatchObject({ failure: { code: 'usage', where: { path } } });
  });
});

const blockOf = async (file: string, name: string): Promise<BlockReport> => {
  const found = (await api.inspect(await leaseOf(file))).ramBlocks.find((block) => block.name === name);
  if (found === undefined) throw new Error(`no block ${name}`);
  return found;
};

describe('the check of a file that was just saved', () => {
  it('finds a file good that QEMU wrote', async () => {
    const check = await api.checkSaved(await leaseOf(path));
    expect(check).toMatchObject({ ok: true, wrong: [], holesKnown: true });
    expect(check.report).toEqual(await api.inspect(await leaseOf(path)));
  });

  it('finds every page whose bytes were lost', async () => {
    const copy = await copyOf('lost.mapped');
    const { pagesOffset, pagesPresent } = await blockOf(copy, 'pc.bios');
    expect(pagesPresent).toBeGreaterThan(8);
    await punchHole(copy, Number(pagesOffset) + 61 * 4096, 8192);
    const check = await api.checkSaved(await leaseOf(copy));
    expect(check.ok).toBe(false);
    expect(check.wrong).toEqual([
      expect.stringMatching(/^Pages 61 to 62 of pc\.bios were lost: there is a hole at 0x/),
    ]);
    // Plain QEMU loads that file without a word, which is why the check exists.
    const vm = await restoreWithPlainQemu({
      argv: [...ARGV, '-S'],
      folder,
      uri: `file:${copy}`,
      migrate: { mappedRam: true },
    });
    await vm.stop();
  });

  it('does not call a file good that lacks its last byte', async () => {
    const copy = await copyOf('short.mapped');
    const handle = await open(copy, 'r+');
    await handle.truncate((await handle.stat()).size - 1);
    await handle.close();
    const check = await api.checkSaved(await leaseOf(copy));
    expect(check.ok).toBe(false);
    expect(check.report.complete).toBe(false);
  });

  it('does not call a file good whose device state became zeros', async () => {
    const copy = await copyOf('zeroed.mapped');
    const report = await api.inspect(await leaseOf(copy));
    const firstDevice = report.sections.find(({ type }) => type === 'full');
    const handle = await open(copy, 'r+');
    await handle.write(Buffer.alloc(report.size - Number(firstDevice?.offset)), 0, undefined, firstDevice?.offset);
    await handle.close();
    const check = await api.checkSaved(await leaseOf(copy));
    expect(check.ok).toBe(false);
    expect(check.report).toMatchObject({
      complete: false,
      problems: [{ code: 'early-eof' }, { code: 'trailing-bytes' }],
    });
  });
});

describe('a save that was killed', () => {
  it('is told from a whole one: its blocks are listed, nothing is complete', async () => {
    const copy = join(folder, 'killed.mapped');
    const content = join(folder, 'content');
    await writeFile(content, Buffer.alloc(8 * MIB, 'not zero'));
    const loader = ['-device', `loader,file=${content},addr=${16 * MIB},force-raw=on`];
    const vm = await PlainQemu.start({ argv: [...ARGV, ...loader, '-S'], folder });
    try {
      await vm.setMigration({ mappedRam: true, parameters: { 'max-bandwidth': 1024 * 1024 } });
      await vm.qmp('migrate', { uri: `file:${copy}` });
      for (let pages = 0; pages === 0;) {
        const { status, ram } = await vm.qmp<{ status: string; ram?: { normal: number } }>('query-migrate');
        expect(['setup', 'active']).toContain(status);
        pages = ram?.normal ?? 0;
      }
    } finally {
      await vm.stop();
    }
    const report = await api.inspect(await leaseOf(copy));
    expect(report.complete).toBe(false);
    expect(report.ramBlocks.map(({ name }) => name)).toContain('pc.ram');
    expect(report.ramBlocks.map(({ pagesPresent }) => pagesPresent)).toEqual(report.ramBlocks.map(() => 0));
    expect(report.problems.map(({ code }) => code)).toEqual(['truncated', 'bitmaps-empty']);
    expect((await api.checkSaved(await leaseOf(copy))).ok).toBe(false);
  });
});
