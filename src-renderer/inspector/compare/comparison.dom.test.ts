import { flushSync, mount, unmount } from 'svelte';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { fail } from '@shared/contracts/failure';
import type { ComparedStep, InspectorCompareApi } from '@shared/contracts/inspector-compare';
import type { InspectedFile } from '@shared/contracts/inspector-port';
import { show, textOf, the } from '../../ui/testing.fixture';
import { inspectorOf } from '../inspector.fixture';
import { comparingBindings } from '../keys';
import type { OpenFile } from '../open-file.svelte';
import CompareView from './CompareView.svelte';
import { Comparison, type OtherFile } from './comparison.svelte';
import RunsPanel from './RunsPanel.svelte';

const RUNS = 400_000;
const NONE = { added: 0, removed: 0, changed: 0 };
const blocks = [{ name: 'pc.ram', pageSize: 4096, pagesA: 2 ** 20, pagesB: 2 ** 20 }];
const step = (runs: number, done: boolean): ComparedStep => ({
  comparedBytes: done ? 1000 : 400,
  blocks: [{ name: 'pc.ram', ...NONE, changed: runs, runs, unlisted: 0 }],
  addresses: [],
  elsewhere: { ...NONE, changed: runs },
  done,
});

const emptyFile = { report: null, ramMap: [] } as unknown as InspectedFile;
const portOf = (): OtherFile['api'] => ({
  bytes: () => Promise.resolve(new Uint8Array()),
  layout: () => Promise.resolve({ segments: [] }),
});

const moved = vi.fn();
const nothing = (): void => undefined;
/** The keys of the view. */
const bound = (file: OpenFile): readonly string[] => comparingBindings(file).map(({ keys }) => keys);

function comparisonOver(over: Partial<InspectorCompareApi>): {
  comparison: Comparison;
  close: ReturnType<typeof vi.fn>;
} {
  const close = vi.fn(() => Promise.resolve());
  const other: OtherFile = {
    session: { id: 'b', name: 'later', path: '/b' },
    source: { path: '/b' },
    file: emptyFile,
    api: portOf(),
    failure: null,
    close,
  };
  const api: InspectorCompareApi = inspectorOf({
    beginCompare: () => Promise.resolve({ bytes: 1000, blocks, apart: [] }),
    nextCompared: () => Promise.resolve(step(RUNS, true)),
    comparedRuns: (_, from, count) =>
      Promise.resolve(
        Array.from({ length: count }, (__, at) => ({ page: 2 * (from + at), count: 1, change: 'changed' as const })),
      ),
    comparedRun: () => Promise.resolve(null),
    comparedDevices: () => Promise.resolve({ devices: [], total: 0 }),
    endCompare: () => Promise.resolve(),
    ...over,
  });
  return { comparison: new Comparison(api, { file: emptyFile, api: portOf() }, other, moved), close };
}

describe('a comparison', () => {
  it('goes on until all is compared, then lets go of nothing until it is closed', async () => {
    moved.mockClear();
    const steps = [step(1, false), step(5, false), step(9, true)];
    const endCompare = vi.fn(() => Promise.resolve());
    const { comparison, close } = comparisonOver({
      nextCompared: () => Promise.resolve(steps.shift() ?? step(0, true)),
      endCompare,
    });
    await comparison.run();
    expect([comparison.running, comparison.differing, comparison.runs.length, comparison.progress.done]).toEqual([
      false,
      9,
      9,
      1000,
    ]);
    expect(comparison.pair.block?.name).toBe('pc.ram');
    expect([close.mock.calls.length, moved.mock.calls.length]).toEqual([0, 3]);
    await comparison.close();
    expect(moved).toHaveBeenCalledTimes(4);
    expect([endCompare.mock.calls.length, close.mock.calls.length]).toEqual([1, 1]);
  });

  it('that is stopped asks for nothing more and keeps what it found', async () => {
    const asked = vi.fn(() => Promise.resolve(step(3, false)));
    const { comparison } = comparisonOver({
      nextCompared: async () => {
        const answer = await asked();
        if (asked.mock.calls.length === 2) queueMicrotask(() => comparison.stop());
        await Promise.resolve();
        await Promise.resolve();
        return answer;
      },
    });
    await comparison.run();
    expect([asked.mock.calls.length, comparison.running, comparison.differing]).toEqual([2, false, 3]);
  });

  it('that was stopped goes on where it was, with the devices that it has', async () => {
    const steps = [step(3, false), step(5, false), step(9, true)];
    const beginCompare = vi.fn(() => Promise.resolve({ bytes: 1000, blocks, apart: [] }));
    const comparedDevices = vi.fn(() => Promise.resolve({ devices: [], total: 0 }));
    const { comparison } = comparisonOver({
      beginCompare,
      comparedDevices,
      nextCompared: () => {
        if (steps.length === 3) queueMicrotask(() => comparison.stop());
        return Promise.resolve(steps.shift() ?? step(0, true));
      },
    });
    await comparison.run();
    expect([comparison.stopped, comparison.running, comparison.differing, steps.length]).toEqual([true, false, 3, 2]);
    await comparison.run();
    expect([comparison.stopped, comparison.running, comparison.differing, steps.length]).toEqual([false, false, 9, 0]);
    expect([beginCompare.mock.calls.length, comparedDevices.mock.calls.length]).toEqual([1, 1]);
  });

  it('that is stopped and run again at once goes on as one', async () => {
    let asking = 0;
    let asked = 0;
    const together: number[] = [];
    const { comparison } = comparisonOver({
      nextCompared: async () => {
        together.push((asking += 1));
        await new Promise((resolve) => setTimeout(resolve));
        asking -= 1;
        asked += 1;
        return step(asked, asked >= 6);
      },
    });
    const first = comparison.run();
    await vi.waitFor(() => expect(comparison.differing).toBeGreaterThan(0), { interval: 1 });
    comparison.stop();
    await Promise.all([first, comparison.run()]);
    expect([comparison.running, comparison.stopped, comparison.differing]).toEqual([false, false, asked]);
    // The question that was under way may meet the first of the new run; no more than that.
    expect(together.filter((number) => number > 1).length).toBeLessThanOrEqual(1);
  });

  it('that is stopped while it reads devices has none of them until it has all', async () => {
    const device = { name: 'cpu', instance: 0, state: 'added', changedBytes: 5, fields: [], more: false } as const;
    let stops = true;
    const { comparison } = comparisonOver({
      comparedDevices: (_, from) => {
        if (stops && from === 1) queueMicrotask(() => comparison.stop());
        return Promise.resolve({ devices: [device], total: 3 });
      },
    });
    await comparison.run();
    expect([comparison.devices, comparison.step, comparison.stopped]).toEqual([null, null, true]);
    stops = false;
    await comparison.run();
    expect([comparison.devices?.length, comparison.step?.done]).toEqual([3, true]);
  });

  it('that fails after it was stopped says why, and has no rest to compare', async () => {
    const { comparison } = comparisonOver({
      nextCompared: () => {
        queueMicrotask(() => comparison.stop());
        return new Promise((_, reject) =>
          setTimeout(() => reject(fail('worker.died', 'reading', 'it ended', 'Open.'))),
        );
      },
    });
    await comparison.run();
    expect([comparison.failure?.code, comparison.stopped]).toEqual(['worker.died', false]);
  });

  it('is stopped and gone on with by one button, and by a key', async () => {
    const steps = [step(1, false), step(2, false), step(3, true)];
    let answer = (): void => undefined;
    const { comparison } = comparisonOver({
      nextCompared: () => new Promise((resolve) => (answer = () => resolve(steps.shift() ?? step(0, true)))),
    });
    const file = { comparison, file: emptyFile, session: { name: 'earlier' } } as unknown as OpenFile;
    const root = show(CompareView, {
      file,
      oncompare: nothing,
      onagain: nothing,
      onshow: nothing,
      oncopy: () => Promise.resolve(),
    });
    void comparison.run();
    const button = (name: string): HTMLElement | undefined =>
      [...root.querySelectorAll('button')].find((one) => textOf(one) === name);
    await vi.waitFor(() => expect(textOf(the(root, '.bar .says'))).toMatch(/^Comparing/));
    const stop = button('Stop');
    stop?.click();
    answer();
    await vi.waitFor(() => expect(textOf(the(root, '.bar .says'))).toMatch(/^Stopped at 40 %/));
    expect([button('Compare the rest') === stop, bound(file).includes('r')]).toEqual([true, true]);
    button('Compare the rest')?.click();
    await vi.waitFor(() => expect(textOf(the(root, '.bar .says'))).toMatch(/^Comparing/));
    expect(bound(file)).not.toContain('r');
    answer();
    await vi.waitFor(() => expect(comparison.differing).toBe(2));
    comparison.stop();
    // The question that was under way brings the last of it.
    answer();
    await vi.waitFor(() => expect(textOf(the(root, '.bar .says'))).toMatch(/of pages compared/));
    expect([button('Stop'), button('Compare the rest')]).toEqual([undefined, undefined]);
  });

  it('whose pages cannot be compared says why, and has its devices all the same', async () => {
    const device = { name: 'cpu', instance: 0, state: 'added', changedBytes: 5, fields: [], more: false } as const;
    const { comparison } = comparisonOver({
      beginCompare: () =>
        Promise.reject(fail('format.unsupported', 'comparing', 'its pages have no fixed places', 'Convert it.')),
      comparedDevices: (_, from) => Promise.resolve({ devices: [device], total: from === 0 ? 2 : 2 }),
    });
    await comparison.run();
    expect([comparison.failure?.code, comparison.devices?.length, comparison.layout]).toEqual([
      'format.unsupported',
      2,
      null,
    ]);
  });

  it('whose devices cannot be read has its pages all the same', async () => {
    const { comparison } = comparisonOver({
      comparedDevices: () => Promise.reject(fail('format.truncated', 'reading', 'it ends early', 'Look.')),
    });
    await comparison.run();
    expect([comparison.devicesFailure?.code, comparison.devices, comparison.differing]).toEqual([
      'format.truncated',
      null,
      RUNS,
    ]);
  });
});

describe('the list of runs', () => {
  let panel: object | null = null;
  afterEach(async () => {
    if (panel !== null) await unmount(panel);
    panel = null;
    document.body.replaceChildren();
  });

  it('draws a few rows of hundreds of thousands, goes to the last one, and opens it', async () => {
    const { comparison } = comparisonOver({});
    await comparison.run();
    const onopen = vi.fn();
    const file = { file: emptyFile } as unknown as OpenFile;
    panel = mount(RunsPanel, { target: document.body, props: { file, comparison, onopen } });
    flushSync();
    const list = document.querySelector('[role=listbox]');
    if (list === null) throw new Error('no list');
    const press = (key: string): void => {
      list.dispatchEvent(new KeyboardEvent('keydown', { key, bubbles: true, cancelable: true }));
      flushSync();
    };
    press('End');
    list.dispatchEvent(new Event('scroll'));
    flushSync();
    await vi.waitFor(() => expect(comparison.runs.at(RUNS - 1)).not.toBe(null));
    flushSync();
    expect(document.querySelectorAll('[role=option]').length).toBeLessThan(100);
    const chosen = document.querySelector('[aria-selected=true]');
    expect(chosen?.getAttribute('aria-posinset')).toBe(String(RUNS));
    expect(chosen?.textContent?.replace(/\s/g, '')).toContain(String(2 * (RUNS - 1)));
    press('Enter');
    await vi.waitFor(() => expect(onopen).toHaveBeenCalledOnce());
    expect(comparison.pair.cursor).toBe(2 * (RUNS - 1) * 4096);
  });
});
