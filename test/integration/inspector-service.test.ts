/** The inspector's service on files that QEMU wrote, and on files that are nothing. */
import { execFile } from 'node:child_process';
import { open, readFile, stat, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { StructureNode } from '@shared/contracts/inspect';
import { MAX_BYTES, MAX_STRETCHES, type Segment } from '@shared/contracts/inspector-port';
import type { RamRange } from '@shared/contracts/library';
import { blockOffset, byteCount, guestPhysical } from '@shared/bytes/units';
import { createInspectorService, type InspectorService } from '../../src-worker/inspector/service';
import { saveWithPlainQemu } from '../support/plain-qemu';
import { makeTempDir, removeTempDir } from '../support/temp';

const run = promisify(execFile);
const MIB = 2 ** 20;
const MEMORY = 64 * MIB;
const ramMap: readonly RamRange[] = [
  { block: 'pc.ram', blockOffset: blockOffset(0), guestPhysical: guestPhysical(0), length: byteCount(MEMORY) },
];

let folder: string;
let path: string;
const services: InspectorService[] = [];

async function serve(file: string, map: readonly RamRange[] = []): Promise<InspectorService['api']> {
  const { dev, ino } = await stat(file, { bigint: true });
  const lease = { path: file, dev: String(dev), ino: String(ino), name: file, streamOffset: null };
  const service = createInspectorService(lease, map);
  services.push(service);
  return service.api;
}

beforeAll(async () => {
  folder = await makeTempDir();
  path = join(folder, 'memory.mapped');
  const argv = ['-M', 'q35', '-m', '64'];
  await saveWithPlainQemu({
    argv,
    folder,
    defaults: true,
    uri: `file:${path}`,
    live: true,
    migrate: { mappedRam: true },
  });
});
afterAll(async () => {
  await Promise.all(services.map((service) => service.dispose()));
  await removeTempDir(folder);
});

async function allSegments(api: InspectorService['api'], size: number): Promise<readonly Segment[]> {
  const found: Segment[] = [];
  for (let offset = 0; offset < size;) {
    const { segments } = await api.layout(offset, 0, 100);
    found.push(...segments);
    const last = segments.at(-1);
    if (last === undefined) break;
    offset = last.offset + last.length;
  }
  return found;
}

const nodesOf = (nodes: readonly StructureNode[]): readonly StructureNode[] =>
  nodes.flatMap((node) => [node, ...nodesOf(node.children)]);

describe('a file that QEMU wrote', () => {
  it('is laid out in segments that abut, cover it, and agree with its bitmap and its holes', async () => {
    const api = await serve(path);
    const { size, report, bytesOnDisk } = await api.file();
    expect(bytesOnDisk).toBe((await stat(path)).blocks * 512);
    const segments = await allSegments(api, size);
    const bytes = await readFile(path);
    expect(bytes.length).toBe(size);

    let end = 0;
    for (const { offset, length, kind } of segments) {
      expect(offset).toBe(end);
      end += length;
      if (kind === 'hole') expect(bytes.subarray(offset, end).every((byte) => byte === 0)).toBe(true);
    }
    expect(end).toBe(size);

    const block = report?.ramBlocks.find(({ name }) => name === 'pc.ram');
    if (block?.bitmapOffset == null || block.pagesOffset === null) throw new Error('pc.ram has no pages');
    let present = 0;
    for (let page = 0; page < MEMORY / 4096; page += 1) {
      const bit = ((bytes[block.bitmapOffset + Math.floor(page / 8)] ?? 0) >> (page % 8)) & 1;
      present += bit;
      const at = block.pagesOffset + page * 4096;
      const here = segments.find(({ offset, length }) => at >= offset && at < offset + length);
      expect(here?.pages).toMatchObject({ block: 'pc.ram', present: bit === 1 });
    }
    expect(present).toBe(block.pagesPresent);
    expect(present).toBeGreaterThan(10);
  });

  it('has a present page after each present page, as the bitmap says', async () => {
    const api = await serve(path);
    const { size, report } = await api.file();
    const wanted = new Set<number>();
    for (const { offset, length, pages } of await allSegments(api, size)) {
      if (pages?.present !== true) continue;
      for (let at = offset; at < offset + length; at += pages.pageSize) wanted.add(at);
    }
    const forward: number[] = [];
    for (let at = await api.presentPage(0, 1); at !== null; at = await api.presentPage(at, 1)) forward.push(at);
    expect(forward).toEqual([...wanted].sort((a, b) => a - b));
    const backward: number[] = [];
    for (let at = await api.presentPage(size, -1); at !== null; at = await api.presentPage(at, -1)) backward.push(at);
    expect(backward.reverse()).toEqual(forward);
    expect(forward).toHaveLength(report?.ramBlocks.reduce((sum, block) => sum + (block.pagesPresent ?? 0), 0) ?? -1);
  });

  it('has a tree whose header fields say what the report says', async () => {
    const api = await serve(path);
    const { report } = await api.file();
    const nodes = nodesOf(await api.tree());
    for (const block of report?.ramBlocks ?? []) {
      const field = (name: string) => nodes.find(({ id }) => id === `ram/${block.name}/header/${name}`);
      expect(field('bitmap offset')?.pointsTo).toEqual({ offset: block.bitmapOffset, length: block.bitmapLength });
      expect(Number(field('pages offset')?.value)).toBe(block.pagesOffset);
      expect(Number(field('page size')?.value)).toBe(block.pageSize);
      expect(nodes.find(({ id }) => id === `ram/${block.name}/header`)?.offset).toBe(block.headerOffset);
    }
    expect(new Set(nodes.map(({ id }) => id)).size).toBe(nodes.length);
  });

  it('gives its bytes anywhere, shorter only at its end', async () => {
    const api = await serve(path);
    const { size } = await api.file();
    const bytes = await readFile(path);
    for (const [offset, length] of [
      [0, 139],
      [MIB - 5, 5000],
      [size - 7, 100],
      [size + 1, 10],
    ] as const) {
      const read = await api.bytes(offset, length);
      expect(Buffer.compare(read, bytes.subarray(offset, offset + length))).toBe(0);
      // A view of a larger buffer would take all of it across the port.
      expect(read.buffer.byteLength).toBe(read.length);
    }
  });

  it('locates by page, offset and guest-physical address alike', async () => {
    const api = await serve(path, ramMap);
    const byPage = await api.locate({ kind: 'page', block: 'pc.ram', page: 5 });
    expect(await api.locate({ kind: 'gpa', gpa: 5 * 4096 })).toEqual(byPage);
    expect(await api.locate({ kind: 'offset', offset: byPage.fileOffset })).toEqual(byPage);
  });

  it('counts present pages into cells', async () => {
    const api = await serve(path);
    const { report } = await api.file();
    for (const { name, pagesTotal, pagesPresent } of report?.ramBlocks ?? []) {
      const single = await api.density(name, 16_384);
      expect(single.perCell).toBe(1);
      expect(single.cells).toHaveLength(pagesTotal ?? 0);
      expect(single.cells.filter((cell) => cell === 255)).toHaveLength(pagesPresent ?? 0);
    }
    const coarse = await api.density('pc.ram', 100);
    expect(coarse.perCell % 8).toBe(0);
    expect(coarse.cells.length).toBeLessThanOrEqual(100);
    expect(coarse.cells.some((cell) => cell > 0 && cell < 255)).toBe(true);
  });

  it('answers no question that it was not made for', async () => {
    const api = await serve(path);
    const bad = (value: unknown) => value as number;
    await expect(api.bytes(0, MAX_BYTES + 1)).rejects.toThrow(/length must be at most/);
    await expect(api.bytes(-1, 5)).rejects.toThrow(/offset must be/);
    const stretch = (length: number) => ({ offset: 0, length });
    expect((await api.stretches([stretch(3), { offset: 1, length: 2 }])).map((read) => [...read])).toEqual([
      [...(await api.bytes(0, 3))],
      [...(await api.bytes(1, 2))],
    ]);
    await expect(api.stretches([stretch(MAX_BYTES), stretch(1)])).rejects.toThrow(
      /all lengths together must be at most/,
    );
    await expect(api.stretches(Array.from({ length: MAX_STRETCHES + 1 }, () => stretch(1)))).rejects.toThrow(
      /stretches/,
    );
    await expect(api.stretches([null as unknown as { offset: number; length: number }])).rejects.toThrow(/offset must/);
    await expect(api.bytes(bad('0'), 5)).rejects.toThrow(/offset must be/);
    await expect(api.layout(bad(Number.NaN), 1, 1)).rejects.toThrow(/offset must be/);
    await expect(api.layout(0, 1e9, 1)).rejects.toThrow(/before must be at most/);
    await expect(api.presentPage(0, bad(7) as 1)).rejects.toThrow(/direction/);
    await expect(api.density('no such block', 5)).rejects.toThrow(/block must be/);
    await expect(api.locate(bad({ kind: 'page', block: 3, page: 1 }) as never)).rejects.toThrow(/query must be/);
  });

  it('cut off inside its pages is still shown, its problem named', async () => {
    const cut = join(folder, 'cut.mapped');
    await writeFile(cut, await readFile(path));
    await truncate(cut, 3 * MIB + 77);
    const api = await serve(cut);
    const { size, report } = await api.file();
    expect(report?.complete).toBe(false);
    expect(report?.problems.some(({ severity }) => severity === 'error')).toBe(true);
    expect((await allSegments(api, size)).at(-1)).toMatchObject({ pages: { block: 'pc.ram' } });
    expect(await api.bytes(size - 2, 10)).toHaveLength(2);
  });
});

describe('a file whose header says something else than it holds', () => {
  const WORDS: readonly (readonly [name: string, bytes: readonly number[]])[] = [
    ['0', [0, 0, 0, 0, 0, 0, 0, 0]],
    ['1', [0, 0, 0, 0, 0, 0, 0, 1]],
    ['4096', [0, 0, 0, 0, 0, 0, 16, 0]],
    ['2^31', [0, 0, 0, 0, 128, 0, 0, 0]],
    ['2^40', [0, 0, 1, 0, 0, 0, 0, 0]],
    ['2^52', [0, 16, 0, 0, 0, 0, 0, 0]],
    ['2^53', [0, 32, 0, 0, 0, 0, 0, 0]],
    ['2^64 − 1', [255, 255, 255, 255, 255, 255, 255, 255]],
  ];
  const FIELDS = ['used length', 'header/page size', 'header/bitmap offset', 'header/pages offset'];

  it.each(FIELDS)('(%s) is answered in time, in segments that abut and cover it', async (field) => {
    const nodes = nodesOf(await (await serve(path)).tree());
    const at = nodes.find(({ id }) => id === `ram/pc.ram/${field}`)?.offset;
    if (at === undefined) throw new Error(`there is no field ${field}`);
    const file = join(folder, field.replace(/\W/g, '-'));
    await run('cp', ['--sparse=always', path, file]);
    for (const [value, word] of WORDS) {
      const handle = await open(file, 'r+');
      await handle.write(Uint8Array.from(word), 0, word.length, at);
      await handle.close();
      const started = performance.now();
      const api = await serve(file);
      const { size, report } = await api.file();
      await api.tree();
      const segments = await allSegments(api, size);
      let end = 0;
      for (const { offset, length } of segments) {
        expect([value, offset]).toEqual([value, end]);
        expect(length).toBeGreaterThan(0);
        end += length;
      }
      expect(end).toBe(size);
      await api.presentPage(0, 1);
      await api.presentPage(size, -1);
      for (const { name, pagesOffset } of report?.ramBlocks ?? []) {
        if (pagesOffset !== null)
          await api.density(name, 1024).catch((error: unknown) => expect(error).toHaveProperty('failure'));
      }
      expect(performance.now() - started, value).toBeLessThan(2000);
    }
  });
});

describe('a file that is no snapshot', () => {
  it.each([
    ['text', 'Nothing to see here.\n'],
    ['nothing', ''],
  ])('(%s) says so and shows its bytes', async (_name, text) => {
    const file = join(folder, `none-${text.length}`);
    await writeFile(file, text);
    const api = await serve(file);
    const answer = await api.file();
    expect(answer).toMatchObject({
      size: text.length,
      report: null,
      failure: { code: expect.stringMatching(/^format\./) as string },
    });
    expect(await api.tree()).toEqual([]);
    expect(Buffer.from(await api.bytes(0, 100)).toString()).toBe(text);
    expect((await api.layout(0, 5, 5)).segments).toEqual(
      text === '' ? [] : [{ offset: 0, length: text.length, kind: 'data', pages: null }],
    );
    await expect(api.locate({ kind: 'offset', offset: 0 })).rejects.toThrow(/no pages to look for/);
  });

  it('may have 128 GiB of hole: its end is reached at once', async () => {
    const file = join(folder, 'huge');
    const handle = await open(file, 'w');
    await handle.truncate(128 * 2 ** 30);
    await handle.write('end', 128 * 2 ** 30);
    await handle.close();
    const api = await serve(file);
    const before = performance.now();
    const { segments } = await api.layout(2 ** 50, 10, 10);
    expect(performance.now() - before).toBeLessThan(1000);
    expect(segments.map(({ kind }) => kind)).toEqual(['hole', 'data']);
    expect(segments.at(-1)?.offset).toBe(128 * 2 ** 30);
  });

  it('that cannot be opened rejects every question with the reason', async () => {
    const lease = { path: join(folder, 'gone'), dev: '1', ino: '1', name: 'gone', streamOffset: null };
    const { api, dispose } = createInspectorService(lease);
    await expect(api.file()).rejects.toMatchObject({ failure: { code: 'file.not-found' } });
    await expect(api.bytes(0, 1)).rejects.toMatchObject({ failure: { code: 'file.not-found' } });
    await dispose();
    await expect(api.file()).rejects.toThrow(/closed/);
  });
});
