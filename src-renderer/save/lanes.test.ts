import type { SaveLane } from '@shared/contracts/saves';
import { describe, expect, test } from 'vitest';
import { exampleProgress } from './example.fixture';
import { CELLS, laneRate, laneRuns, withLanes, type LaneTrace } from './lanes';

/** One byte stands for a thousandth of a cell. */
const EXTENT = CELLS * 1000;
const lane = (over: Partial<SaveLane>): SaveLane => ({ channel: 1, bytes: 0, position: 0, state: 'copying', ...over });

/** What is kept after main told these lanes, 100 ms apart. */
function after(...told: readonly (readonly SaveLane[])[]): readonly LaneTrace[] {
  return told.reduce<readonly LaneTrace[]>(
    (traces, lanes, index) =>
      withLanes(traces, exampleProgress({ lanes, fileExtent: EXTENT, elapsedMs: (index + 1) * 100 })),
    [],
  );
}
const sum = (trace: LaneTrace | undefined): number => (trace?.cells ?? []).reduce((all, bytes) => all + bytes, 0);
const held = (trace: LaneTrace | undefined): readonly (readonly [number, number])[] =>
  (trace?.cells ?? []).flatMap((bytes, cell) => (bytes > 0 ? [[cell, Math.round(bytes)] as const] : []));

describe('where a channel wrote', () => {
  test.each<[string, SaveLane[], [number, number][]]>([
    ['nothing yet', [lane({})], []],
    [
      'its first bytes end where it is',
      [lane({ bytes: 2000, position: 10 / CELLS })],
      [
        [8, 1000],
        [9, 1000],
      ],
    ],
    [
      'the next ones lie between its two places',
      [lane({ bytes: 1000, position: 1 / CELLS }), lane({ bytes: 3000, position: 5 / CELLS })],
      [
        [0, 1000],
        [1, 500],
        [2, 500],
        [3, 500],
        [4, 500],
      ],
    ],
    [
      'after a jump back they end where it is now',
      [lane({ bytes: 1000, position: 1 }), lane({ bytes: 2000, position: 3 / CELLS })],
      [
        [2, 1000],
        [239, 1000],
      ],
    ],
    [
      'a stretch within one part goes to that part',
      [lane({ bytes: 100, position: 0.1 / CELLS }), lane({ bytes: 300, position: 0.3 / CELLS })],
      [[0, 300]],
    ],
    ['the very end of the file is in its last part', [lane({ bytes: 500, position: 1 })], [[239, 500]]],
  ])('%s', (_name, lanes, expected) => {
    const [trace] = after(...lanes.map((one) => [one]));
    expect(held(trace)).toEqual(expected);
  });

  test('no byte is counted twice or lost, whatever the moves', () => {
    let seed = 7;
    const random = (): number => (seed = (seed * 48_271) % 2_147_483_647) / 2_147_483_647;
    let bytes = 0;
    const told = Array.from({ length: 200 }, () => {
      bytes += Math.floor(random() * 3000);
      return [lane({ bytes, position: Math.round(random() * 1000) / 1000 })];
    });
    const [trace] = after(...told);
    expect(sum(trace)).toBeCloseTo(bytes, 3);
    expect(trace?.cells).toHaveLength(CELLS);
  });

  test('each channel has its own lane, and a QEMU that tells of none has none', () => {
    const traces = after([lane({ bytes: 1000, position: 0.5 }), lane({ channel: 2, bytes: 4000, position: 0.5 })]);
    expect(traces.map(sum)).toEqual([1000, 4000]);
    expect(withLanes([], exampleProgress({ lanes: [] }))).toEqual([]);
    expect(withLanes([], exampleProgress({}))).toEqual([]);
    expect(withLanes(traces, exampleProgress({}))).toBe(traces);
  });
});

test('a rate is the mean of the last two seconds', () => {
  const told = Array.from({ length: 60 }, (_, tick) => [
    lane({ bytes: tick < 30 ? 0 : (tick - 29) * 1000, position: 0.5 }),
  ]);
  const [trace] = after(...told);
  expect(trace && laneRate(trace)).toBeCloseTo(10_000);
  expect(laneRate({ lane: lane({}), cells: [], recent: [{ ms: 1, bytes: 1 }] })).toBeNull();
});

test.each([
  [
    [0, 1, 250, 251, 500, 750, 751, 1000, 5000],
    [
      [1, 3, 1],
      [3, 5, 2],
      [5, 6, 3],
      [6, 9, 4],
    ],
  ],
  [[0, 0, 0], []],
  [
    [1000, 0, 1000],
    [
      [0, 1, 4],
      [2, 3, 4],
    ],
  ],
])('parts with %j of 1000 bytes are drawn as the runs %j', (bytes, runs) => {
  const cells = [...bytes, ...new Array<number>(CELLS - bytes.length).fill(0)];
  expect(
    laneRuns({ lane: lane({}), cells, recent: [] }, EXTENT).map(({ from, to, shade }) => [from, to, shade]),
  ).toEqual(runs);
});
