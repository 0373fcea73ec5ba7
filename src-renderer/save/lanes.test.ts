import type { FileOffset } from '@shared/bytes/units';
import type { ChannelLane } from '@shared/contracts/lanes';
import { describe, expect, test } from 'vitest';
import { exampleProgress } from './example.fixture';
import { CELLS, laneRuns, withLanes, type LaneTrace } from './lanes';

/** One byte stands for a thousandth of a cell. */
const EXTENT = CELLS * 1000;
interface Told {
  readonly bytes?: number;
  /** In cells. */
  readonly at?: number | null;
}
const lane = ({ bytes = 0, at = 0 }: Told): ChannelLane => ({
  state: 'working',
  bytes,
  pages: bytes / 4096,
  position: at === null ? null : ((at * 1000) as FileOffset),
  bytesPerSecond: 0,
  cpuMs: 0,
});

/** What is kept after main told these lanes, one after the other. */
const after = (...told: readonly (readonly Told[])[]): readonly LaneTrace[] =>
  told.reduce<readonly LaneTrace[]>(
    (traces, lanes) => withLanes(traces, exampleProgress({ lanes: lanes.map(lane), fileExtent: EXTENT })),
    [],
  );
const sum = (trace: LaneTrace | undefined): number => (trace?.cells ?? []).reduce((all, bytes) => all + bytes, 0);
const held = (trace: LaneTrace | undefined): readonly (readonly [number, number])[] =>
  (trace?.cells ?? []).flatMap((bytes, cell) => (bytes > 0 ? [[cell, Math.round(bytes)] as const] : []));

describe('where a channel wrote', () => {
  test.each<[string, Told[], [number, number][]]>([
    ['nothing yet', [{}], []],
    [
      'its first bytes end where it is',
      [{ bytes: 2000, at: 10 }],
      [
        [8, 1000],
        [9, 1000],
      ],
    ],
    [
      'the next ones lie between its two places',
      [
        { bytes: 1000, at: 1 },
        { bytes: 3000, at: 5 },
      ],
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
      [
        { bytes: 1000, at: CELLS },
        { bytes: 2000, at: 3 },
      ],
      [
        [2, 1000],
        [239, 1000],
      ],
    ],
    [
      'a stretch within one part goes to that part',
      [
        { bytes: 100, at: 0.1 },
        { bytes: 300, at: 0.3 },
      ],
      [[0, 300]],
    ],
    ['the very end of the file is in its last part', [{ bytes: 500, at: CELLS }], [[239, 500]]],
    [
      'one that has no batch any more wrote where it was last',
      [
        { bytes: 1000, at: 4 },
        { bytes: 2000, at: null },
      ],
      [[3, 2000]],
    ],
  ])('%s', (_name, told, expected) => {
    const [trace] = after(...told.map((one) => [one]));
    expect(held(trace)).toEqual(expected);
  });

  test('no byte is counted twice or lost, whatever the moves', () => {
    let seed = 7;
    const random = (): number => (seed = (seed * 48_271) % 2_147_483_647) / 2_147_483_647;
    let bytes = 0;
    const told = Array.from({ length: 200 }, () => {
      bytes += Math.floor(random() * 3000);
      return [{ bytes, at: random() < 0.1 ? null : random() * CELLS }];
    });
    const [trace] = after(...told);
    expect(sum(trace)).toBeCloseTo(bytes, 3);
    expect(trace?.cells).toHaveLength(CELLS);
  });

  test('each channel has its own lane, and a QEMU that tells of none has none', () => {
    const traces = after([
      { bytes: 1000, at: 100 },
      { bytes: 4000, at: 100 },
    ]);
    expect(traces.map(sum)).toEqual([1000, 4000]);
    expect(withLanes([], exampleProgress({ lanes: [] }))).toEqual([]);
    expect(withLanes([], exampleProgress({}))).toEqual([]);
    expect(withLanes(traces, exampleProgress({}))).toBe(traces);
  });
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
  expect(laneRuns({ lane: lane({}), place: 0, cells }, EXTENT).map(({ from, to, shade }) => [from, to, shade])).toEqual(
    runs,
  );
});
