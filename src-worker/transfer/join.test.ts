import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { planBlocks } from '@shared/mapped-ram/plan';
import { readMappedFile } from '../../test/support/mapped-file';
import { buildStream, type Bytes } from '../../test/support/stream-builder';
import { tempDirPerTest } from '../../test/support/temp';
import { joinAll, leaseOf, leaseOfNew } from '../../test/support/transfers';
import { createTransferApi } from './service';

const temp = tempDirPerTest();
const at = (name: string): string => join(temp(), name);
const api = createTransferApi();

const BLOCKS = [
  { name: 'node0', usedLength: 40 * 4096, address: 0 },
  { name: 'node1', usedLength: 33 * 4096, address: 40 * 4096 },
  { name: 'pc.bios', usedLength: 5 * 4096, address: 2 ** 32 - 5 * 4096 },
];

const bios = (bytes: Bytes): void => {
  bytes.uint(0x08, 8).name('pc.bios').raw(Buffer.alloc(4096, 0xb1));
  for (let page = 1; page < 4; page++) bytes.uint(page * 4096 + 0x28, 8).raw(Buffer.alloc(4096, 0xb1));
  bytes.uint(4 * 4096 + 0x22, 8).uint(0, 1);
};

/** What x-ignore-shared leaves: both nodes listed, the ROM with its pages. */
const state = (records: (bytes: Bytes) => void = bios, blocks = BLOCKS): Uint8Array =>
  buildStream({ mapped: false, capabilities: ['x-ignore-shared'], blocks, records: [records] });

const plan = planBlocks(BLOCKS.map(({ name, usedLength }) => ({ name, usedLength, pageSize: 4096 })));
const first = (pages: number): Uint8Array =>
  Uint8Array.from({ length: Math.ceil(pages / 8) }, (_, at) => (at === 0 ? 0b101 : 0));

/** Pages 0 and 2 of both nodes are in the file. */
async function joinStream(
  bytes: Uint8Array,
  { name = 'target', ...change }: { name?: string; plan?: typeof plan; copied?: Record<string, Uint8Array> } = {},
) {
  await writeFile(at('state'), bytes);
  const target = await leaseOfNew(at(name));
  const file = Buffer.alloc((plan[1]?.pagesOffset ?? 0) + 3 * 4096);
  for (const { pagesOffset } of plan.slice(0, 2)) {
    for (const page of [0, 2]) file.fill(0x11 + page, pagesOffset + page * 4096, pagesOffset + (page + 1) * 4096);
  }
  await writeFile(at(name), file);
  return joinAll(api, {
    state: await leaseOf(at('state')),
    target,
    plan,
    copied: { node0: first(40), node1: first(33) },
    ...change,
  });
}

describe('device state joined with memory that channels copied', () => {
  it('of two nodes has both, and the ROM out of the stream', async () => {
    const joined = await joinStream(state());
    const file = readMappedFile(at('target'));
    expect(joined).toEqual({ fileBytes: file.size, streamPages: 4, presentPages: 8 });
    expect(file.blocks.map(({ name, present }) => [name, [...present]])).toEqual([
      ['node0', [0, 2]],
      ['node1', [0, 2]],
      ['pc.bios', [0, 1, 2, 3]],
    ]);
    expect(file.blocks.map(({ memory }) => [memory[0], memory[4096], memory[2 * 4096]])).toEqual([
      [0x11, 0, 0x13],
      [0x11, 0, 0x13],
      [0xb1, 0xb1, 0xb1],
    ]);
    expect(file.blocks.map(({ pagesOffset }) => pagesOffset)).toEqual(plan.map(({ pagesOffset }) => pagesOffset));
  });

  const reordered = (...indexes: readonly number[]): typeof BLOCKS => indexes.flatMap((index) => BLOCKS[index] ?? []);
  const other = (index: number, change: object): typeof plan =>
    plan.map((block, at) => (at === index ? { ...block, ...change } : block));

  it.each([
    ['fewer blocks than were planned', state(bios, reordered(0, 2)), {}],
    ['blocks in another order', state(bios, reordered(1, 0, 2)), {}],
    ['a block of another length', state(), { plan: other(1, { usedLength: 34 * 4096 }) }],
    ['a block of another name', state(), { plan: other(2, { name: 'pc.rom' }) }],
    [
      'pages that the block does not have',
      state(),
      { copied: { node0: first(40), node1: new Uint8Array(5).fill(0xff) } },
    ],
    ['pages of no block', state(), { copied: { node0: first(40), node1: first(33), node2: first(8) } }],
    ['a block that nobody has', state(), { copied: { node0: first(40) } }],
    [
      'pages that were copied already',
      state((bytes) => {
        bios(bytes);
        bytes.uint(0x08, 8).name('node1').raw(Buffer.alloc(4096, 1));
      }),
      {},
    ],
    [
      'a copied block that is zero now',
      state((bytes) => {
        bios(bytes);
        bytes.uint(0x02, 8).name('node0').uint(0, 1);
      }),
      {},
    ],
  ] as const)('is refused with %s, and the file is no stream', async (_, bytes, change) => {
    await expect(joinStream(bytes, change)).rejects.toMatchObject({ failure: { code: 'save.incomplete' } });
    expect((await readFile(at('target'))).subarray(0, 4)).toEqual(Buffer.alloc(4));
  });

  it('is refused when the state is cut off at any of its ends', async () => {
    const whole = state();
    for (const length of [whole.length - 1, whole.length - 60, whole.length - 300, 5000, 300, 60, 9]) {
      await writeFile(at('state'), whole.subarray(0, length));
      const target = await leaseOfNew(at(`target-${length}`));
      const copied = { node0: first(40), node1: first(33) };
      const joining = joinAll(api, { state: await leaseOf(at('state')), target, plan, copied });
      await expect(joining, `${length}`).rejects.toMatchObject({
        failure: { code: expect.stringMatching(/^format/) as string },
      });
      const head = (await readFile(at(`target-${length}`))).subarray(0, 4).toString('latin1');
      expect(head, `${length}`).not.toBe('QEVM');
    }
  });

  it('never writes over pages: a head that is longer than was planned for is refused', async () => {
    const early = (bytes: Uint8Array, length: number): Uint8Array => {
      const whole = Buffer.from(bytes);
      const ram = whole.indexOf(Buffer.from('01000000010372616d', 'hex'));
      const device = Buffer.concat([
        Buffer.from('04000000400565617274680000000000000001', 'hex'),
        Buffer.alloc(length, 5),
        Buffer.from('7e00000040', 'hex'),
      ]);
      return Buffer.concat([whole.subarray(0, ram), device, whole.subarray(ram)]);
    };
    const before = plan[0]?.pagesOffset ?? 0;
    await expect(joinStream(early(state(), 1024 * 1024))).rejects.toMatchObject({
      failure: { code: 'format.unsupported' },
    });
    expect((await readFile(at('target')))[before]).toBe(0x11);
    await expect(joinStream(early(state(), 100_000), { name: 'fits' })).resolves.toMatchObject({ presentPages: 8 });
  });
});
