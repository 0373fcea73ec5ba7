import type { SaveJob, SaveLane, SavePlan, SaveProgress } from '@shared/contracts/saves';
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
const lanes = (state: SaveLane['state'], bytes = 5e8): readonly SaveLane[] => [
  { channel: 1, bytes, position: 0.5, state: 'copying' },
  { channel: 2, bytes, position: 0.25, state },
];
const progress = (over: Partial<SaveProgress>): SaveProgress =>
  exampleProgress({ plan: plan('channels'), fileExtent: 2 ** 31, lanes: lanes('copying'), guest: 'paused', ...over });
const job = (over: Partial<SaveProgress>, more: Partial<SaveJob> = {}): SaveJob =>
  exampleJob({ options: exampleOptions({ mode: 'paused' }), progress: progress(over), ...more });

function shown(told: SaveJob): HTMLElement {
  const first = withLanes([], progress({ elapsedMs: 9300, lanes: lanes('copying', 4e8) }));
  return show(ChannelLanes, { job: told, traces: withLanes(first, told.progress) });
}
const words = (root: HTMLElement): string[] => [...root.querySelectorAll('.words')].map(textOf);

test.each<[SaveLane['state'], string]>([
  ['copying', '100 MB/s'],
  ['idle', 'waits'],
  ['dead', 'ended, work moved'],
])('a channel that is %s says “%s”', (state, said) => {
  const root = shown(job({ lanes: lanes(state) }));
  expect(words(root)).toEqual(['100 MB/s', said]);
  const spoken = (the(root, 'svg').getAttribute('aria-label') ?? '').replaceAll('\u00a0', ' ');
  expect(spoken).toBe(
    `channel 1: 100 MB/s, at 50 % of the file; channel 2: ${said}${state === 'dead' ? '' : ', at 25 % of the file'}`,
  );
});

test('an idle channel has a hollow mark, a dead one none', () => {
  expect(shown(job({})).querySelectorAll('.mark')).toHaveLength(2);
  const idle = shown(job({ lanes: lanes('idle') }));
  expect([idle.querySelectorAll('.mark').length, idle.querySelectorAll('.idle').length]).toEqual([1, 1]);
  const dead = shown(job({ lanes: lanes('dead') }));
  expect([dead.querySelectorAll('.mark').length, dead.querySelectorAll('.idle').length]).toEqual([1, 0]);
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
