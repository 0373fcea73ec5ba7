import { flushSync } from 'svelte';
import { describe, expect, it, vi } from 'vitest';
import type { ComparedStep } from '@shared/contracts/inspector-compare';
import type { InspectedFile } from '@shared/contracts/inspector-port';
import { show } from '../../ui/testing.fixture';
import { Comparison, type OtherFile } from '../compare/comparison.svelte';
import { inspectorOf } from '../inspector.fixture';
import type { OpenFile } from '../open-file.svelte';
import { pagesApiOf } from './pages.fixture';
import PagesInRoom from './PagesInRoom.fixture.svelte';
import { PagesState } from './pages-state.svelte';

const unexpected = (error: unknown): void => expect.unreachable(String(error));
const empty = { report: null, ramMap: [] } as unknown as InspectedFile;
const NONE = { added: 0, removed: 0, changed: 0 };

describe('the pages that a comparison finds changed', () => {
  it('are asked for once a step, and once when it ends', async () => {
    const pages = new PagesState(pagesApiOf({}).api, [], unexpected);
    const waiting: ((step: ComparedStep) => void)[] = [];
    const api = inspectorOf({
      comparedDevices: () => Promise.resolve({ devices: [], total: 0 }),
      beginCompare: () => Promise.resolve({ bytes: 3, blocks: [], apart: [] }),
      nextCompared: () => new Promise<ComparedStep>((resolve) => waiting.push(resolve)),
      endCompare: () => Promise.resolve(),
    });
    const other = {
      ...{ session: { id: 'b', name: 'later', path: '/b' }, source: { path: '/b' }, file: empty, failure: null },
      ...{ api: inspectorOf({}), close: () => Promise.resolve() },
    } satisfies OtherFile;
    const comparison = new Comparison(api, { file: empty, api }, other, () => pages.refresh());
    const file = { pages, file: empty, findings: [], comparison, place: null } as unknown as OpenFile;
    const nothing = (): void => undefined;
    show(PagesInRoom, { file, onshow: nothing, onsearch: nothing, oncompare: nothing });

    const run = comparison.run();
    for (let compared = 1; compared <= 3; compared += 1) {
      await vi.waitFor(() => expect(waiting).toHaveLength(1));
      waiting.pop()?.({ comparedBytes: compared, blocks: [], addresses: [], elsewhere: NONE, done: compared === 3 });
      await vi.waitFor(() => expect(comparison.progress.done).toBe(compared));
      flushSync();
      expect(pages.moves).toBe(compared);
    }
    await run;
    await comparison.close();
    flushSync();
    expect(pages.moves).toBe(4);
  });
});
