import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { driveDiff, type BlockDiff } from '@shared/diff/drive';
import { randomFrom } from '@shared/search/random-regex.fixture';
import { makeGuestFile, type MadeBlock } from '../../test/support/guest-file';
import { tempDirPerTest } from '../../test/support/temp';
import { differingOver } from './kernels';
import { createDiff } from './service';

const folder = tempDirPerTest('sfd');

async function diff(
  a: readonly MadeBlock[],
  b: readonly MadeBlock[],
  options: { readonly block?: string; readonly order?: 'big'; readonly mostRanges?: number } = {},
): Promise<readonly BlockDiff[]> {
  const fileA = await makeGuestFile(join(folder(), 'a'), a);
  const fileB = await makeGuestFile(
    join(folder(), 'b'),
    b,
    options.order === undefined ? {} : { order: options.order },
  );
  const workers = [createDiff(), createDiff()];
  try {
    const plans = await Promise.all(
      workers.map((worker) => worker.openDiff(fileA.lease, fileB.lease, options.block ?? null)),
    );
    const [plan] = plans;
    if (plan === undefined) throw new Error('no plan');
    let compared = 0;
    const more = options.mostRanges === undefined ? {} : { mostRanges: options.mostRanges };
    const blocks = await driveDiff(workers, plan, { ...more, onProgress: (bytes) => (compared = bytes) });
    expect(compared).toBe(plan.bytes);
    return blocks ?? [];
  } finally {
    for (const worker of workers) await worker.closeDiff();
  }
}

type State = 'zero' | 'absent' | 'one' | 'two';
const STATES: readonly State[] = ['zero', 'absent', 'one', 'two'];

function blockOf(name: string, states: readonly State[], pageSize: number): MadeBlock {
  const image = new Uint8Array(states.length * pageSize);
  for (const [page, state] of states.entries()) {
    if (state !== 'one' && state !== 'two') continue;
    image.fill(0x33, page * pageSize, (page + 1) * pageSize);
    // The two differ in one byte, somewhere.
    if (state === 'two') image[page * pageSize + ((page * 977) % pageSize)] = 0x34;
  }
  return { name, image, pageSize, absent: (page) => states[page] === 'absent', stale: 0x99 };
}

/** Counts and pages that differ, told from the states alone. */
function expected(a: readonly State[], b: readonly State[]): { counts: object; pages: number[] } {
  const counts = { added: 0, removed: 0, changed: 0 };
  const pages: number[] = [];
  for (let page = 0; page < Math.max(a.length, b.length); page++) {
    const [one, other] = [a[page] ?? 'absent', b[page] ?? 'absent'];
    const content = (state: State): State => (state === 'absent' ? 'zero' : state);
    if (content(one) === content(other)) continue;
    pages.push(page);
    counts[one === 'absent' ? 'added' : other === 'absent' ? 'removed' : 'changed']++;
  }
  return { counts, pages };
}

const pagesOf = ({ ranges }: BlockDiff): number[] =>
  ranges.flatMap(([page, count]) => Array.from({ length: count }, (_, at) => page + at));

describe('pages of two files', () => {
  it.each([512, 1024, 4096, 16384, 65536, 1024 * 1024])(
    'of %i bytes are told apart in every combination',
    async (pageSize) => {
      const random = randomFrom(pageSize);
      const count = pageSize > 65536 ? 16 : 200;
      const states = (): State[] => Array.from({ length: count }, () => STATES[random(4)] ?? 'zero');
      const [a, b] = [states(), states()];
      const [block] = await diff([blockOf('pc.ram', a, pageSize)], [blockOf('pc.ram', b, pageSize)], { order: 'big' });
      if (block === undefined) throw new Error('no block');
      const { counts, pages } = expected(a, b);
      expect(block).toMatchObject({ name: 'pc.ram', pageSize, ...counts, more: false });
      expect(pagesOf(block)).toEqual(pages);
      // Neighbours are one run.
      expect(block.ranges.every(([page, length], at) => page + length !== block.ranges[at + 1]?.[0])).toBe(true);
    },
  );

  it('of blocks that are longer in one file, or only in one, are compared with zeros', async () => {
    const a: State[] = ['one', 'zero', 'one', 'absent', 'two', 'one', 'zero', 'zero'];
    const b: State[] = [...a, 'one', 'zero', 'absent', 'two', 'one', 'one', 'zero', 'zero'];
    const only: State[] = ['zero', 'one', 'absent', 'absent', 'one', 'one', 'zero', 'zero'];
    const before = [blockOf('ram', a, 1024), blockOf('gone', only, 1024)];
    const after = [blockOf('new', only, 1024), blockOf('ram', b, 1024)];
    const blocks = await diff(before, after);
    expect(
      blocks.map(({ name, added, removed, changed, ranges }) => ({ name, added, removed, changed, ranges })),
    ).toEqual([
      {
        name: 'ram',
        added: 4,
        removed: 0,
        changed: 0,
        ranges: [
          [8, 1],
          [11, 3],
        ],
      },
      {
        name: 'gone',
        added: 0,
        removed: 3,
        changed: 0,
        ranges: [
          [1, 1],
          [4, 2],
        ],
      },
      {
        name: 'new',
        added: 3,
        removed: 0,
        changed: 0,
        ranges: [
          [1, 1],
          [4, 2],
        ],
      },
    ]);
    expect((await diff(before, after, { block: 'ram' })).map(({ name }) => name)).toEqual(['ram']);
    await expect(diff(before, after, { block: 'none' })).rejects.toMatchObject({ failure: { code: 'usage' } });
  });

  it('are counted in full where their runs are too many to be listed', async () => {
    const a: State[] = Array.from({ length: 64 }, (_, page) => (page % 2 === 0 ? 'one' : 'two'));
    const b: State[] = Array.from({ length: 64 }, () => 'one');
    const [block] = await diff([blockOf('ram', a, 512)], [blockOf('ram', b, 512)], { mostRanges: 5 });
    expect(block).toMatchObject({
      changed: 32,
      more: true,
      ranges: [
        [1, 1],
        [3, 1],
        [5, 1],
        [7, 1],
        [9, 1],
      ],
    });
  });

  it('of different sizes are refused', async () => {
    await expect(
      diff([blockOf('ram', ['one', 'one'], 4096)], [blockOf('ram', ['one', 'one'], 8192)]),
    ).rejects.toMatchObject({
      failure: { code: 'format.unsupported' },
    });
  });
});

it('one differing byte is seen wherever it is', () => {
  const memory = new WebAssembly.Memory({ initial: 2, maximum: 2 });
  const differing = differingOver(memory);
  const bytes = new Uint8Array(memory.buffer);
  const [a, b, size] = [1000, 9001, 512];
  for (let at = 0; at < 4 * size; at++) {
    bytes[b + at] = 0x80;
    expect(differing(a, b, size, 4, 60_000)).toBe(1);
    expect(bytes.subarray(60_000, 60_004).indexOf(1)).toBe(Math.floor(at / size));
    bytes[b + at] = 0;
  }
  expect(differing(a, b, size, 4, 60_000)).toBe(0);
});
