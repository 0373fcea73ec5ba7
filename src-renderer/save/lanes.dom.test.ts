import type { FileOffset } from '@shared/bytes/units';
import type { ChannelLane, LaneState } from '@shared/contracts/lanes';
import type { SaveJob, SavePlan, SaveProgress } from '@shared/contracts/saves';
import { expect, test } from 'vitest';
import { show, textOf, the } from '../ui/testing.fixture';
import ChannelLanes from './ChannelLanes.svelte';
import { exampleJob, exampleOptions, exampleProgress } from './example.fixture';
import { withLanes } from './lanes';
import PassesTable from './PassesTable.svelte';

const plan = (engine: SavePlan['engine']): SavePlan => ({
  engine,
  why: 'so',
  channels: 2,
  directIo: true,
  flush: 'end',
});
const lane = (state: LaneState, at: number | null): ChannelLane => ({
  state,
  bytes: 5e8,
  pages: 122_070,
  position: at === null ? null : (at as FileOffset),
  bytesPerSecond: 100e6,
  cpuMs: 300,
});
const lanes = (state: LaneState): readonly ChannelLane[] => [
  lane('working', 2 ** 30),
  lane(state, state === 'working' ? 2 ** 29 : null),
];
const progress = (over: Partial<SaveProgress>): SaveProgress =>
  exampleProgress({ plan: plan('channels'), fileExtent: 2 ** 31, lanes: lanes('working'), guest: 'paused', ...over });
const job = (over: Partial<SaveProgress>, more: Partial<SaveJob> = {}): SaveJob =>
  exampleJob({ options: exampleOptions({ mode: 'paused' }), progress: progress(over), ...more });

const shown = (told: SaveJob): HTMLElement => show(ChannelLanes, { job: told, traces: withLanes([], told.progress) });
const words = (root: HTMLElement): string[] => [...root.querySelectorAll('.words')].map(textOf);

test.each<[LaneState, string, number, number]>([
  ['working', '100 MB/s', 2, 0],
  ['waiting', 'waits', 1, 1],
  ['starting', 'starts anew', 1, 0],
  ['gone', 'ended, work moved', 1, 0],
])('a channel that is %s says “%s”; %d filled marks, %d hollow ones', (state, said, filled, hollow) => {
  const root = shown(job({ lanes: lanes(state) }));
  expect(words(root)).toEqual(['100 MB/s', said]);
  const spoken = (the(root, 'svg').getAttribute('aria-label') ?? '').replaceAll('\u00a0', ' ');
  expect(spoken).toBe(
    `channel 1: 100 MB/s, at 50 % of the file; channel 2: ${said}${state === 'working' ? ', at 25 % of the file' : ''}`,
  );
  expect(root.querySelectorAll('.mark')).toHaveLength(filled);
  expect(root.querySelectorAll('.waits')).toHaveLength(hollow);
});

test('when everything is written, each channel says how much it wrote', () => {
  const root = shown(job({ phase: 'flushing' }));
  expect(words(root)).toEqual(['500 MB', '500 MB']);
  expect(textOf(the(root, 'h2'))).not.toContain('Mark');
  expect(root.querySelectorAll('.mark')).toHaveLength(0);
});

test('of QEMU’s own channels it says that nothing is known, and before that nothing', () => {
  const native = show(ChannelLanes, {
    job: exampleJob({ progress: exampleProgress({ plan: plan('native') }) }),
    traces: [],
  });
  expect(textOf(native)).toBe('Channels 2 threads of QEMU, which does not tell where each of them writes.');
  expect(textOf(show(ChannelLanes, { job: exampleJob(), traces: [] }))).toBe('');
});

test.each<[string, SaveJob, string[], string]>([
  [
    'a live save',
    exampleJob(),
    ['Pass', 'Pages sent', 'Bytes', 'Zero', 'Dirtied meanwhile', 'Time', 'Next'],
    '5 s to go',
  ],
  [
    'a paused save',
    job({ plan: plan('native') }),
    ['Pass', 'Pages sent', 'Bytes', 'Zero', 'Time', 'Next'],
    '5 s to go',
  ],
  ['channels', job({ phase: 'flushing' }), ['Pass', 'Pages copied', 'Bytes', 'Zero', 'Time', 'Next'], 'each page once'],
])('the table of %s has the columns that it has figures for', (_name, told, heads, next) => {
  const root = show(PassesTable, { job: told, expected: [] });
  expect([...root.querySelectorAll('thead th')].map(textOf)).toEqual(heads);
  expect(textOf(the(root, 'tbody .words'))).toBe(next);
});
