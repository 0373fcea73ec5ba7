import { flushSync, mount, unmount } from 'svelte';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { fail } from '@shared/contracts/failure';
import type { ComparedStep, InspectorCompareApi } from '@shared/contracts/inspector-compare';
import type { InspectedFile } from '@shared/contracts/inspector-port';
import { inspectorOf } from '../inspector.fixture';
import { Comparison, type OtherFile } from './comparison.svelte';
import RunsPanel from './RunsPanel.svelte';
import type { OpenFile } from '../open-file.svelte';

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

function comparisonOver(over: Partial<InspectorCompareApi>): {
  comparison: Comparison;
  close: ReturnType<typeof vi.fn>;
} {
  const close = vi.fn(() => Promise.resolve());
  const other: OtherFile = {
    session: { id: 'b', name: 'later', path: '/b' },
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
