import { expect, it, vi } from 'vitest';
import type { ComparedBlock } from '@shared/contracts/inspector-compare';
import { RunList } from './run-list.svelte';

const block = (name: string, runs: number, unlisted = 0): ComparedBlock => ({
  name,
  runs,
  unlisted,
  added: 0,
  removed: 0,
  changed: runs,
});

it('runs of all blocks are one list, asked for by the chunk, and those of one block are another', async () => {
  const asked: string[] = [];
  const list = new RunList(
    {
      comparedRuns: (name, from, count) => {
        asked.push(`${name} ${from}`);
        return Promise.resolve(
          Array.from({ length: count }, (_, index) => ({
            page: (from + index) * 2,
            count: 1,
            change: 'changed' as const,
          })),
        );
      },
    },
    (error) => {
      throw error;
    },
  );
  list.learn([block('ram', 400_000), block('none', 0), block('vga', 10, 5)]);
  expect([list.length, list.unlisted, list.at(400_010)]).toEqual([400_010, 5, null]);
  const comes = async (index: number): Promise<void> => {
    await vi.waitFor(() => expect(list.at(index)).not.toBe(null));
  };
  await comes(300_000);
  await comes(400_003);
  expect(list.at(300_000)).toEqual({ block: 'ram', page: 600_000, count: 1, change: 'changed' });
  expect(list.at(400_003)).toEqual({ block: 'vga', page: 6, count: 1, change: 'changed' });
  // A chunk is asked for once, also by who waits for it.
  list.at(300_001);
  expect(asked).toEqual(['ram 299776', 'vga 0']);
  expect(await list.get(1)).toEqual({ block: 'ram', page: 2, count: 1, change: 'changed' });
  expect([await list.get(400_010), asked.length]).toEqual([null, 3]);
  list.block = 'vga';
  expect([list.length, list.at(0)?.block]).toEqual([10, 'vga']);
  // More have been found: the last run that was known may have grown.
  list.learn([block('ram', 400_000), block('none', 0), block('vga', 12)]);
  expect(list.at(9)).toBe(null);
  await comes(11);
  expect(asked).toEqual(['ram 299776', 'vga 0', 'ram 0', 'vga 0']);
});
