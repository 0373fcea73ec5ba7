/** Scheduling, with channels in memory (test/support/fake-channels): real channels are tested where they are. */
import { describe, expect, it } from 'vitest';
import {
  diskFull,
  fakeChannel,
  randomFrom,
  VirtualClock,
  type BatchFate,
  type FakeChannel,
  type FakeFiles,
} from '../../test/support/fake-channels';
import { byteCount, fileOffset } from '../bytes/units';
import type { ChannelsProgress } from '../contracts/lanes';
import type { CoordinatorLimits } from './coordination';
import { Coordinator } from './coordinator';
import type { ExtentFeed } from './feed';
import { PageSets } from './page-set';
import type { BlockPlace } from './places';
import { planMasked, planWhole } from './plan';

const MIB = 1024 * 1024;
/** Large pages keep the sweeps quick. */
const PAGE = 64 * 1024;
const RAM_BYTES = 12 * MIB;
const PAGES = RAM_BYTES / PAGE;
const ZEROS = Buffer.alloc(PAGE);
const never = new AbortController().signal;

const places: readonly BlockPlace[] = [
  { name: 'pc.ram', ram: 0, ramOffset: fileOffset(0), length: byteCount(8.5 * MIB), pagesOffset: fileOffset(MIB) },
  {
    name: 'rom',
    ram: 0,
    ramOffset: fileOffset(8.5 * MIB),
    length: byteCount(3.5 * MIB),
    pagesOffset: fileOffset(10 * MIB),
  },
];

interface Rig {
  readonly clock: VirtualClock;
  readonly files: FakeFiles;
  readonly channels: FakeChannel[];
  readonly sets: PageSets;
  readonly coordinator: Coordinator;
  readonly seen: ChannelsProgress[];
  /** Copies all of RAM. */
  copy(signal?: AbortSignal, feed?: ExtentFeed): Promise<unknown>;
}

interface RigOptions {
  readonly channels?: number;
  readonly fate?: (channel: number) => BatchFate;
  readonly replacements?: number;
  readonly limits?: Partial<CoordinatorLimits>;
  readonly density?: number;
  readonly random?: () => number;
}

const quick: BatchFate = { ms: 10, end: 'answer' };

function rig(options: RigOptions = {}): Rig {
  const { random = randomFrom(1), density = 0.7, fate = () => quick } = options;
  const clock = new VirtualClock();
  const files = { ram: new Uint8Array(RAM_BYTES), file: new Uint8Array(14 * MIB), pageSize: PAGE };
  for (let page = 0; page < PAGES; page += 1) if (random() < density) files.ram[page * PAGE + 77] = 1 + (page % 255);
  const channels: FakeChannel[] = [];
  const make = (): FakeChannel => {
    const index = channels.length;
    const channel = fakeChannel(clock, files, () => fate(index));
    channels.push(channel);
    return channel;
  };
  for (let count = options.channels ?? 3; count > 0; count -= 1) make();
  let spare = options.replacements ?? 100;
  const seen: ChannelsProgress[] = [];
  const coordinator = new Coordinator({
    direction: 'save',
    channels: [...channels],
    doing: 'copying guest memory',
    clock,
    replace: async () => {
      await clock.sleep(30);
      spare -= 1;
      return spare < 0 ? null : make();
    },
    onProgress: (progress) => seen.push(progress),
    ...(options.limits === undefined ? {} : { limits: options.limits }),
  });
  const sets = new PageSets(places, PAGE, true);
  const whole = (): ExtentFeed =>
    planWhole(
      places,
      [
        [0, RAM_BYTES],
        [0, RAM_BYTES],
      ],
      PAGE,
    );
  const copy = (signal = never, feed = whole()): Promise<unknown> => clock.run(coordinator.copy(feed, sets, signal));
  return { clock, files, channels, sets, coordinator, seen, copy };
}

/** The file has every page of RAM that is not zero, marked, and no other is marked. */
function expectEqual({ files, sets }: Rig): void {
  for (const [block, place] of places.entries()) {
    const set = sets.sets[block];
    for (let page = 0; page < place.length / PAGE; page += 1) {
      const from = place.ramOffset + page * PAGE;
      const inRam = files.ram.subarray(from, from + PAGE);
      const present = (((set?.present[page >> 3] ?? 0) >> (page & 7)) & 1) === 1;
      if (present === ZEROS.equals(inRam)) throw new Error(`page ${page} of ${place.name} is marked wrongly`);
      const at = place.pagesOffset + page * PAGE;
      if (present) expect(Buffer.compare(files.file.subarray(at, at + PAGE), inRam)).toBe(0);
    }
    // What is stale at the end is all that differs under clear bits.
    const stale = set?.stale() ?? [];
    for (let at = 0; at < stale.length; at += 2) {
      files.file.fill(0, place.pagesOffset + (stale[at] ?? 0) * PAGE, place.pagesOffset + (stale[at + 1] ?? 0) * PAGE);
    }
    const inFile = files.file.subarray(place.pagesOffset, place.pagesOffset + place.length);
    expect(Buffer.compare(inFile, files.ram.subarray(place.ramOffset, place.ramOffset + place.length))).toBe(0);
  }
}

describe('a pass', () => {
  it.each([1, 2, 4, 16])('copies every page with %i channels, each of which gets its part', async (count) => {
    const one = rig({ channels: count });
    const totals = await one.copy();
    expectEqual(one);
    const pages = one.sets.sets.reduce((sum, set) => sum + set.presentPages, 0);
    expect(totals).toMatchObject({ pages });
    const { lanes } = one.coordinator.progress();
    expect(lanes).toHaveLength(count);
    expect(lanes.reduce((sum, lane) => sum + lane.pages, 0)).toBe(pages);
    for (const lane of lanes) expect(lane).toMatchObject({ state: 'waiting' });
    // There are 13 stretches with a digest, which is one batch for each of thirteen channels.
    expect(lanes.filter((lane) => lane.pages > 0)).toHaveLength(Math.min(count, 13));
  });

  it('of nothing is over at once, and a second one can follow', async () => {
    const one = rig();
    expect(await one.copy(never, planMasked(places, [null, null], PAGE))).toMatchObject({ pages: 0, bytes: 0 });
    await one.copy();
    expectEqual(one);
  });

  it('never has more than two batches of a channel in hand', async () => {
    const one = rig({ channels: 2, fate: () => ({ ms: 250, end: 'answer' }) });
    const counted = one.channels.map((channel) => ({ channel, open: 0, most: 0 }));
    for (const count of counted) {
      const copyExtents = count.channel.api.copyExtents.bind(count.channel.api);
      count.channel.api.copyExtents = async (batch) => {
        count.most = Math.max(count.most, (count.open += 1));
        try {
          return await copyExtents(batch);
        } finally {
          count.open -= 1;
        }
      };
    }
    await one.copy();
    expect(counted.map(({ most }) => most)).toEqual([2, 2]);
  });

  it('tells at most every 100 ms, with a lane for each channel', async () => {
    const one = rig({ channels: 2, fate: () => ({ ms: 130, end: 'answer' }) });
    await one.copy();
    expect(one.seen.length).toBeGreaterThan(3);
    expect(one.seen.length).toBeLessThanOrEqual(Math.ceil(one.clock.now() / 100));
    const first = one.seen[0];
    expect(first?.lanes.map(({ state }) => state)).toEqual(['working', 'working']);
    for (const lane of first?.lanes ?? []) expect(lane.position).toBeGreaterThanOrEqual(MIB);
    expect(first?.bytesRemaining).toBeGreaterThan(0);
    expect(one.seen.some(({ bytesPerSecond }) => bytesPerSecond > 0)).toBe(true);
  });

  it('leaves no timer behind', async () => {
    const one = rig();
    await one.copy();
    expect(one.clock.waiting).toBe(0);
  });
});

describe('pause', () => {
  it('waits until no channel works; nothing happens until resume', async () => {
    const one = rig({ fate: () => ({ ms: 40, end: 'answer' }) });
    const copying = one.coordinator.copy(planWhole(places, [[0, RAM_BYTES], []], PAGE), one.sets, never);
    await one.clock.run(one.coordinator.pause());
    expect(one.channels.some(({ working }) => working)).toBe(false);
    const { bytes, bytesRemaining } = one.coordinator.progress();
    expect(bytesRemaining).toBeGreaterThan(0);
    await one.clock.run(one.clock.sleep(1000));
    expect(one.coordinator.progress()).toMatchObject({ bytes, bytesRemaining, paused: true });
    one.coordinator.resume();
    await one.clock.run(copying);
  });
});

describe('a limit of bytes per second', () => {
  it.each([20, 45, 200].flatMap((limit) => [0.1, 0.5, 1].map((density) => [limit, density] as const)))(
    'of %i MB/s holds within a tenth (or one batch) in every second, when %f of the pages are not zero',
    async (limit, density) => {
      const one = rig({ channels: 4, density, fate: () => ({ ms: 1, end: 'answer' }) });
      one.coordinator.limitRate(limit * 1e6);
      const samples: { readonly at: number; readonly bytes: number }[] = [{ at: 0, bytes: 0 }];
      // RAM is small: as many passes as it takes for two seconds.
      while (one.clock.now() < 2000) {
        await one.copy();
        samples.push({ at: one.clock.now(), bytes: one.coordinator.progress().bytes });
      }
      const { at, bytes } = samples.at(-1) ?? { at: 0, bytes: 0 };
      const rate = bytes / (at / 1000);
      expect(rate).toBeLessThan(limit * 1.1e6);
      expect(rate).toBeGreaterThan(limit * 0.9e6);
      for (const from of samples) {
        for (const to of samples) {
          const seconds = (to.at - from.at) / 1000;
          if (seconds < 1) continue;
          expect(to.bytes - from.bytes).toBeLessThanOrEqual(limit * 1.1e6 * seconds + 4 * MIB);
        }
      }
    },
  );

  it('can be lifted while a pass waits for it', async () => {
    const one = rig();
    one.coordinator.limitRate(1000);
    const copying = one.coordinator.copy(planWhole(places, [[0, RAM_BYTES], []], PAGE), one.sets, never);
    await one.clock.run(one.clock.sleep(500));
    one.coordinator.limitRate(null);
    await one.clock.run(copying);
    expect(one.clock.now()).toBeLessThan(2000);
  });
});

describe('a channel that dies', () => {
  const dieOnce = (channel: number): BatchFate => ({ ms: 10, end: channel === 0 ? 'die' : 'answer' });

  it('is replaced, and its batches are copied again after it has ended', async () => {
    const one = rig({ channels: 2, fate: dieOnce });
    const { copyExtents } = one.channels[1]?.api ?? {};
    let endedFirst = true;
    if (one.channels[1]) {
      one.channels[1].api.copyExtents = (batch) => {
        endedFirst &&= one.coordinator.progress().deaths === 0 || !one.channels[0]?.working;
        return copyExtents?.(batch) ?? Promise.reject(new Error('no channel'));
      };
    }
    await one.copy();
    expectEqual(one);
    expect(endedFirst).toBe(true);
    expect(one.channels).toHaveLength(3);
    expect(one.coordinator.progress().deaths).toBe(1);
  });

  it('is done without when there is no other; its lane is gone', async () => {
    const one = rig({ channels: 2, fate: dieOnce, replacements: 0 });
    await one.copy();
    expectEqual(one);
    expect(one.coordinator.progress().lanes.map(({ state }) => state)).toEqual(['gone', 'waiting']);
  });

  it('alone and without another fails the pass', async () => {
    const one = rig({ channels: 1, fate: dieOnce, replacements: 0 });
    await expect(one.copy()).rejects.toMatchObject({ failure: { code: 'worker.died' } });
  });

  it('again and again fails the pass', async () => {
    const one = rig({ channels: 2, fate: () => ({ ms: 10, end: 'die' }) });
    await expect(one.copy()).rejects.toMatchObject({
      failure: { code: 'worker.died', what: '5 workers have died one after another' },
    });
    expect(one.channels.some(({ working }) => working)).toBe(false);
  });

  it('between two passes is replaced, too', async () => {
    const one = rig({ channels: 2 });
    await one.copy();
    one.channels[0]?.kill();
    await one.clock.run(one.clock.sleep(100));
    expect(one.coordinator.progress().lanes.map(({ state }) => state)).toEqual(['waiting', 'waiting']);
    await one.copy();
    expectEqual(one);
    expect(one.channels[2]?.batches).toBeGreaterThan(0);
  });

  it('leaves bytes in pages that turned zero meanwhile: they are known to be stale', async () => {
    const one = rig({
      channels: 1,
      density: 1,
      fate: (channel) => ({ ms: 100, end: channel === 0 ? 'die' : 'answer' }),
    });
    const copying = one.coordinator.copy(
      planWhole(
        places,
        [
          [0, RAM_BYTES],
          [0, RAM_BYTES],
        ],
        PAGE,
      ),
      one.sets,
      never,
    );
    // The guest clears all its memory while the first channel is dead and the second not there yet.
    one.clock.after(120, () => one.files.ram.fill(0));
    await one.clock.run(copying);
    expect(one.coordinator.progress().deaths).toBe(1);
    expect(one.files.file.some((byte) => byte !== 0)).toBe(true);
    expectEqual(one);
  });

  it('without dying, for a minute, is stopped, and its batch is copied by another', async () => {
    const one = rig({ channels: 2, fate: (channel) => ({ ms: 10, end: channel === 0 ? 'hang' : 'answer' }) });
    await one.copy();
    expectEqual(one);
    expect(one.channels[0]?.stopped).toBe(true);
    expect(one.clock.now()).toBeGreaterThan(60_000);
  });
});

describe('a failure of a channel', () => {
  it('ends the pass with it, when the others are done with what they have', async () => {
    const one = rig({ channels: 4, fate: (channel) => ({ ms: 50, end: channel === 2 ? 'fail' : 'answer' }) });
    await expect(one.copy()).rejects.toMatchObject(diskFull());
    expect(one.channels.some(({ working }) => working)).toBe(false);
    expect(one.channels.some(({ stopped }) => stopped)).toBe(false);
    expect(one.clock.waiting).toBe(0);
  });

  it('is one, too, when a channel reports fewer extents than it got', async () => {
    const one = rig({ channels: 1 });
    const [channel] = one.channels;
    if (channel) {
      const copyExtents = channel.api.copyExtents.bind(channel.api);
      channel.api.copyExtents = async (batch) => ({ ...(await copyExtents(batch)), saved: [] });
    }
    await expect(one.copy()).rejects.toMatchObject({ failure: { code: 'internal' } });
  });
});

describe('cancel', () => {
  it('hands out nothing more and ends when no channel works', async () => {
    const one = rig({ fate: () => ({ ms: 60, end: 'answer' }) });
    const cancel = new AbortController();
    one.clock.after(70, () => cancel.abort());
    await expect(one.copy(cancel.signal)).rejects.toMatchObject({ failure: { code: 'save.cancelled' } });
    expect(one.channels.some(({ working, stopped }) => working || stopped)).toBe(false);
    expect(one.clock.now()).toBeLessThan(300);
    expect(one.clock.waiting).toBe(0);
  });

  it('stops channels that do not answer', async () => {
    const one = rig({ fate: () => ({ ms: 10, end: 'hang' }) });
    const cancel = new AbortController();
    one.clock.after(50, () => cancel.abort());
    await expect(one.copy(cancel.signal)).rejects.toMatchObject({ failure: { code: 'save.cancelled' } });
    expect(one.channels.every(({ stopped }) => stopped)).toBe(true);
    expect(one.clock.now()).toBeLessThan(2_000);
  });

  it('waits no longer than ten seconds for a worker that cannot be ended', async () => {
    const one = rig({ channels: 1, fate: () => ({ ms: 10, end: 'hang' }) });
    const cancel = new AbortController();
    if (one.channels[0]) one.channels[0].stop = () => undefined;
    one.clock.after(50, () => cancel.abort());
    await expect(one.copy(cancel.signal)).rejects.toMatchObject({ failure: { code: 'save.cancelled' } });
    expect(one.clock.now()).toBeGreaterThan(10_000);
    expect(one.clock.now()).toBeLessThan(12_000);
  });

  it('before it begins copies nothing', async () => {
    const one = rig();
    await expect(one.copy(AbortSignal.abort())).rejects.toMatchObject({ failure: { code: 'save.cancelled' } });
    expect(one.channels.every(({ batches }) => batches === 0)).toBe(true);
  });
});

it('whatever happens, a pass ends: with every page accounted for, or with a failure and no channel at work (sweep)', async () => {
  const ends = { copied: 0, failed: 0 };
  for (let seed = 1; seed <= 80; seed += 1) {
    const random = randomFrom(seed);
    const [dying, failing, hanging] = [random() * 0.15, random() < 0.3 ? random() * 0.05 : 0, random() * 0.02];
    const one = rig({
      random,
      density: random(),
      channels: 1 + Math.floor(random() * 6),
      replacements: Math.floor(random() * 6),
      limits: { outstanding: 1 + Math.floor(random() * 3) },
      fate: () => {
        const dice = random();
        const end = dice < dying ? 'die' : dice < dying + failing ? 'fail' : dice > 1 - hanging ? 'hang' : 'answer';
        return { ms: random() * 120, end };
      },
    });
    const cancel = new AbortController();
    if (random() < 0.15) one.clock.after(random() * 500, () => cancel.abort());
    try {
      await one.copy(cancel.signal);
      // A later pass over what the guest changed meanwhile.
      const dirty = places.map(({ length }) => new Uint8Array(Math.ceil(length / PAGE / 8)));
      for (let count = 0; count < 60; count += 1) {
        const page = Math.floor(random() * PAGES);
        one.files.ram.fill(random() < 0.4 ? 0 : 1 + Math.floor(random() * 255), page * PAGE, (page + 1) * PAGE);
        const block = page * PAGE < 8.5 * MIB ? 0 : 1;
        const own = page - (places[block]?.ramOffset ?? 0) / PAGE;
        const bits = dirty[block];
        if (bits) bits[own >> 3] = (bits[own >> 3] ?? 0) | (1 << (own & 7));
      }
      await one.copy(cancel.signal, planMasked(places, dirty, PAGE));
      expectEqual(one);
      ends.copied += 1;
    } catch (error) {
      expect(error).toMatchObject({
        failure: { code: expect.stringMatching(/^(worker\.died|file\.no-space|save\.cancelled)$/) as string },
      });
      expect(one.channels.filter(({ working }) => working)).toEqual([]);
      ends.failed += 1;
    }
  }
  expect(ends.copied).toBeGreaterThan(20);
  expect(ends.failed).toBeGreaterThan(20);
}, 60_000);
