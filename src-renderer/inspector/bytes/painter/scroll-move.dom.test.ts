import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { firstLook } from '../asked-layout';
import { HexState } from '../hex-state.svelte';
import { HUGE, hugeSegments, portOver } from '../huge-file.fixture';
import { noStructure } from '../../tree/structure';
import type { FromPainter, Look, ToPainter } from './protocol';
import { ScrollMove } from './scroll-move.svelte';

const segments = hugeSegments();
const look = {} as Look;
const failed: unknown[] = [];

interface Rig {
  readonly hex: HexState;
  readonly move: ScrollMove;
  /** What the painter was sent. */
  readonly sent: ToPainter[];
  readonly drags: () => readonly number[];
  readonly ended: () => number;
  say(message: FromPainter): void;
  /** The painter paints for the last move: where the bar then is. */
  paint(progress: number, change?: { readonly move?: number; readonly answers?: boolean }): void;
  /** A canvas for the rows, as the view gives it. */
  canvas(): void;
}

async function rig(): Promise<Rig> {
  const port = portOver(segments);
  const hex = new HexState(port, HUGE, noStructure, (error) => failed.push(error));
  await hex.start(await firstLook(port));
  const sent: ToPainter[] = [];
  let [say, ended]: [(message: FromPainter) => void, number] = [() => undefined, 0];
  const move = new ScrollMove(hex, new MessageChannel().port1, (hear) => {
    say = hear;
    return { send: (message) => sent.push(message), end: () => (ended += 1) };
  });
  const canvas = { transferControlToOffscreen: () => ({}) } as unknown as HTMLCanvasElement;
  return {
    hex,
    move,
    sent,
    drags: () => sent.flatMap((message) => (message.kind === 'drag' ? [message.share] : [])),
    ended: () => ended,
    say: (message) => say(message),
    paint: (progress, { move: number, answers = true } = {}) => {
      const begun = sent.flatMap((message) => (message.kind === 'begin' ? [message.move] : [])).at(-1) ?? 0;
      const place = Math.round(progress * HUGE);
      say({ kind: 'painted', move: number ?? begun, answers, rows: String(place), blank: 0, place, progress });
    },
    canvas: () => move.paintOn(canvas, look),
  };
}

/** A move that goes on: the painter was told of one step. */
async function moving(share: number): Promise<Rig> {
  const made = await rig();
  made.move.expect();
  made.say({ kind: 'ready' });
  made.move.to(share);
  made.canvas();
  return made;
}

beforeEach(() => {
  failed.length = 0;
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
  expect(failed).toEqual([]);
});

describe('a move of the scroll bar', () => {
  it('is followed by the rows themselves until the painter is ready', async () => {
    const { hex, move, sent, say, canvas, drags } = await rig();
    move.to(0.25);
    await vi.advanceTimersByTimeAsync(0);
    expect(sent.map(({ kind }) => kind)).toEqual(['open']);
    expect([move.moving, hex.progress, move.progress]).toEqual([false, expect.closeTo(0.25, 6), hex.progress]);
    say({ kind: 'ready' });
    move.to(0.5);
    expect(move.moving).toBe(true);
    canvas();
    expect(drags()).toEqual([0.5]);
    await vi.advanceTimersByTimeAsync(50);
    expect(hex.progress).toBeCloseTo(0.25, 6);
  });

  it('asks for one picture at a time, and then for where the bar is by then', async () => {
    const { move, drags, paint } = await moving(0.1);
    for (const share of [0.2, 0.3, 0.4]) move.to(share);
    expect(drags()).toEqual([0.1]);
    paint(0.1);
    expect(drags()).toEqual([0.1, 0.4]);
    paint(0.4, { answers: false });
    move.to(0.5);
    expect(drags()).toEqual([0.1, 0.4]);
    paint(0.4);
    paint(0.5);
    expect(drags()).toEqual([0.1, 0.4, 0.5]);
  });

  it('has the bar where the painted rows are, not where it was dragged to', async () => {
    const { hex, move, paint } = await moving(0.4);
    expect([move.progress, move.painted]).toEqual([hex.progress, null]);
    paint(0.3);
    move.to(0.6);
    expect([move.progress, move.place]).toEqual([0.3, Math.round(0.3 * HUGE)]);
    expect(hex.progress).toBe(0);
  });

  it('ends when the bar rests, with the page there', async () => {
    const { hex, move, paint } = await moving(0.9);
    paint(0.9);
    await vi.advanceTimersByTimeAsync(110);
    expect([move.moving, hex.progress]).toEqual([true, 0]);
    await vi.advanceTimersByTimeAsync(20);
    expect([move.moving, move.painted]).toEqual([false, null]);
    expect(hex.progress).toBeCloseTo(0.9, 6);
  });

  it('keeps its picture until the rows that take its place have their bytes', async () => {
    const { hex, move, paint } = await moving(0.8);
    paint(0.8);
    const settled = vi
      .spyOn(hex.cache, 'settled')
      .mockImplementation(() => new Promise((resolve) => setTimeout(resolve, 300)));
    await vi.advanceTimersByTimeAsync(500);
    expect([move.moving, settled.mock.calls.length]).toEqual([true, 2]);
    await vi.advanceTimersByTimeAsync(300);
    expect(move.moving).toBe(false);
  });

  it('goes on when the bar is moved while the page is on its way', async () => {
    const { hex, move, paint, drags } = await moving(0.2);
    paint(0.2);
    await vi.advanceTimersByTimeAsync(119);
    const land = vi
      .spyOn(hex.cache, 'settled')
      .mockImplementation(() => new Promise((resolve) => setTimeout(resolve, 50)));
    await vi.advanceTimersByTimeAsync(20);
    expect(land).toHaveBeenCalled();
    move.to(0.3);
    await vi.advanceTimersByTimeAsync(100);
    expect([move.moving, drags()]).toEqual([true, [0.2, 0.3]]);
    paint(0.3);
    await vi.advanceTimersByTimeAsync(300);
    expect(move.moving).toBe(false);
    expect(hex.progress).toBeCloseTo(0.3, 6);
  });

  it('does not take back a jump that was made meanwhile', async () => {
    const { hex, move, paint } = await moving(0.2);
    paint(0.2);
    void hex.goTo(HUGE - 3);
    await vi.advanceTimersByTimeAsync(500);
    expect(move.moving).toBe(false);
    expect(hex.progress).toBe(1);
  });

  it('has the page there before what begins from the rows in view', async () => {
    const { hex, move, paint } = await moving(0.7);
    paint(0.7);
    let from = Number.NaN;
    move.afterwards(() => (from = hex.progress));
    await vi.advanceTimersByTimeAsync(40);
    expect(from).toBeCloseTo(0.7, 6);
    move.afterwards(() => (from = 0));
    expect(from).toBe(0);
  });

  it('shows nothing that was painted for an earlier one', async () => {
    const { move, paint, canvas } = await moving(0.2);
    paint(0.2);
    move.putAway();
    canvas();
    paint(0.2, { move: 1, answers: false });
    expect(move.painted).toBeNull();
    move.to(0.3);
    paint(0.3);
    expect(move.painted?.move).toBe(2);
  });
});

describe('without its painter', () => {
  it.each([
    ['said that it failed', ({ say }: Rig): void => say({ kind: 'failed' })],
    ['has not answered for a second', (): void => undefined],
  ])('a move goes on with the rows themselves: it %s', async (_how, fail) => {
    const made = await moving(0.5);
    const { hex, move, sent, ended } = made;
    fail(made);
    // Before the bar rests, and after.
    for (let step = 0; step < 11; step += 1) {
      move.to(0.5 + step / 100);
      await vi.advanceTimersByTimeAsync(100);
    }
    expect([move.moving, move.painted, ended()]).toEqual([false, null, 1]);
    expect(hex.progress).toBeCloseTo(0.6, 6);
    const before = sent.length;
    move.to(0.2);
    await vi.advanceTimersByTimeAsync(0);
    expect(hex.progress).toBeCloseTo(0.2, 6);
    expect(sent).toHaveLength(before);
  });

  it('rows come to where the bar was put last', async () => {
    const { hex, move, say } = await moving(0.5);
    move.to(0.55);
    say({ kind: 'failed' });
    await vi.advanceTimersByTimeAsync(0);
    expect(hex.progress).toBeCloseTo(0.55, 6);
  });

  it('nothing is left of it when the file is closed', async () => {
    const { move, ended, paint } = await moving(0.5);
    move.close();
    expect([ended(), move.moving, vi.getTimerCount()]).toEqual([1, false, 0]);
    paint(0.5);
    expect(move.painted).toBeNull();
  });

  it('it is not started for a file whose bar nobody came near to', async () => {
    const { move, sent, ended } = await rig();
    move.close();
    expect([sent, ended()]).toEqual([[], 0]);
  });
});
