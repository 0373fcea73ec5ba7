import { execFile } from 'node:child_process';
import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { beforeEach, describe, expect, it } from 'vitest';
import type { FileReport, SnapshotFacts } from '@shared/contracts/report';
import { makeGuestFile, type MadeGuestFile } from '../../test/support/guest-file';
import { tempDirPerTest } from '../../test/support/temp';
import { leaseOf, leaseOfNew, runTransfer } from '../../test/support/transfers';
import { createTransferApi } from './service';

const PAGE = 4096;
const folder = tempDirPerTest('sfr');
const at = (name: string): string => join(folder(), name);
const api = createTransferApi();
const punch = (path: string, offset: number, length: number): Promise<unknown> =>
  promisify(execFile)('fallocate', ['--punch-hole', '--offset', String(offset), '--length', String(length), path]);

let file: MadeGuestFile;
beforeEach(async () => {
  const image = new Uint8Array(64 * PAGE);
  for (let page = 0; page < 64; page += 2) image.fill(page + 1, page * PAGE, (page + 1) * PAGE);
  file = await makeGuestFile(
    at('m'),
    [
      { name: 'pc.ram', image, absent: (page) => page % 2 === 1, stale: 0xee },
      { name: 'rom', image: new Uint8Array(16 * 1024).fill(7), pageSize: 8192, absent: () => false },
    ],
    { machine: 'pc-q35-10.0' },
  );
});

const place = (name: string, page: number, pageSize = PAGE): number =>
  (file.pagesOffset.get(name) ?? 0) + page * pageSize;

async function report(snapshot: SnapshotFacts | null = null): Promise<FileReport> {
  const target = await leaseOfNew(at('report.json'));
  await runTransfer(api, { kind: 'report', source: file.lease, target, form: 'json', ramMap: [], snapshot });
  return JSON.parse(await readFile(at('report.json'), 'utf8')) as FileReport;
}

describe('a report', () => {
  it('counts stale and lost pages: what bitmap and holes disagree about', async () => {
    // Present: 4 and 6. Clear: 41 and 43.
    for (const page of [4, 6, 41, 43]) await punch(file.path, place('pc.ram', page), PAGE);
    // One half of each page.
    await punch(file.path, place('rom', 0, 8192), 4096);
    await punch(file.path, place('rom', 1, 8192) + 4096, 4096);
    const { ramBlocks, problems, bytesOnDisk } = await report();
    expect(ramBlocks.map(({ name, pagesPresent, allocation }) => [name, pagesPresent, allocation])).toEqual([
      ['pc.ram', 32, { stale: 30, lost: 2 }],
      ['rom', 2, { stale: 0, lost: 2 }],
    ]);
    expect(problems.filter(({ code }) => code === 'lost-write').map(({ message }) => message)).toEqual([
      '2 present pages of pc.ram have no bytes on disk: a write was lost.',
      '2 present pages of rom have no bytes on disk: a write was lost.',
    ]);
    expect(bytesOnDisk).toBe((await stat(file.path)).blocks * 512);
  });

  it('has where RAM was, and what the snapshot knows', async () => {
    const facts: SnapshotFacts = {
      name: 'before',
      machineName: 'vm',
      savedAt: '2026-11-23T14:00:00.000Z',
      qemuVersion: '10.0.2',
      accelerator: 'tcg',
      cpuModel: null,
      cpus: 1,
      engine: 'native',
      mode: 'live',
      digests: null,
    };
    const { snapshot, ramMap } = await report(facts);
    expect(snapshot).toEqual(facts);
    expect([ramMap.source, ramMap.ranges[0]?.block]).toEqual(['machine-type', 'pc.ram']);
  });

  it('of a file that is no stream is refused', async () => {
    const source = await leaseOfNew(at('none'));
    const target = await leaseOfNew(at('out'));
    await expect(
      api.beginTransfer({ kind: 'report', source, target, form: 'markdown', ramMap: [], snapshot: null }),
    ).rejects.toMatchObject({ failure: { code: expect.stringMatching(/^format\./) as string } });
  });
});

describe('bytes of a file', () => {
  it('are those of the file, holes as holes', async () => {
    await punch(file.path, place('pc.ram', 0), 32 * PAGE);
    const [start, end] = [5, place('pc.ram', 40) + 7];
    const target = await leaseOfNew(at('part'));
    const { form, bytesRead } = await runTransfer(api, { kind: 'bytes', source: file.lease, target, start, end });
    const whole = await readFile(file.path);
    expect((await readFile(at('part'))).equals(whole.subarray(start, end))).toBe(true);
    expect([form, bytesRead]).toEqual(['file', end - start - 32 * PAGE]);
  });

  it.each([
    [10, 10],
    [0, 2 ** 40],
  ])('%d to %d are refused', async (start, end) => {
    const target = await leaseOfNew(at('part'));
    const source = await leaseOf(file.path);
    await expect(api.beginTransfer({ kind: 'bytes', source, target, start, end })).rejects.toMatchObject({
      failure: { code: 'usage' },
    });
  });
});
