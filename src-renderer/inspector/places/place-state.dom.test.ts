import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { TranslateReport } from '@shared/contracts/inspect';
import type { PlaceReport } from '@shared/contracts/inspector-places';
import { fail } from '@shared/contracts/failure';
import { inspectorOf } from '../inspector.fixture';
import { PlaceState } from './place-state.svelte';
import { FakeView } from './place-view.fixture.svelte';
import { shownPlace } from './shown-places';

const START = 0x100000;
/** Of an address that is as far behind 0xffff… as its place is behind the first page. */
const walkTo = (offset: number, over: Partial<TranslateReport> = {}): TranslateReport => ({
  gva: `0x${(0xffff_8880_0000_0000n + BigInt(offset - START)).toString(16)}`,
  cpu: 0,
  register: null,
  mode: 'x86-64, 4 levels',
  steps: [
    { table: 'PT', index: 1, guestPhysical: 0x5008, fileOffset: START + 0x5008, value: '0x1', leadsTo: '', flags: [] },
  ],
  mapped: true,
  why: null,
  pageSize: 4096,
  guestPhysical: offset - START,
  block: 'pc.ram',
  page: 0,
  fileOffset: offset,
  present: true,
  ramMapFrom: 'manifest',
  ...over,
});
const reportOf = (offset: number, cpu: number, over: Partial<PlaceReport> = {}): PlaceReport => {
  const walk = walkTo(offset);
  return {
    ...{ fileOffset: offset, block: 'pc.ram', page: 0, within: 0, present: true, guestPhysical: offset - START },
    ...{ ramMapFrom: 'manifest', cpu, why: null, walk, decidedBy: null },
    guestVirtual: { address: walk.gva, others: 1, listed: [`0x${(0x7000 + (offset % 4096)).toString(16)}`] },
    ...over,
  };
};

function setUp(answer = reportOf) {
  const asked: number[] = [];
  const view = new FakeView();
  const state = new PlaceState(
    inspectorOf({
      cpus: () =>
        Promise.resolve([
          { cpu: 0, registers: ['rip'] },
          { cpu: 1, registers: ['rip'] },
        ]),
      placeOf: (offset, cpu) => {
        asked.push(offset);
        return Promise.resolve(answer(offset, cpu));
      },
      translate: (query) =>
        query.kind === 'register'
          ? Promise.resolve(walkTo(START + 0x2010, { gva: '0x7010', register: query.register, cpu: query.cpu }))
          : Promise.resolve(walkTo(START, { gva: query.gva, mapped: false, why: 'No.', fileOffset: null })),
    }),
    view,
  );
  return { state, view, asked };
}

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

describe('the cursor is followed', () => {
  it('asked about once it stands still, and once for each page', async () => {
    const { state, view, asked } = setUp();
    for (const cursor of [START, START + 0x3000, START + 0x5123]) {
      view.cursor = cursor;
      state.follow(cursor);
      await vi.advanceTimersByTimeAsync(20);
    }
    await vi.advanceTimersByTimeAsync(200);
    expect(asked).toEqual([START + 0x5123]);
    expect(state.virtual).toEqual({ address: 0xffff_8880_0000_5123n, others: 1, listed: [0x7123n] });
    expect(state.why).toBeNull();
  });

  it('and what was asked when it moved on is followed by what is wanted now', async () => {
    let answer: (report: PlaceReport) => void = () => undefined;
    const { state, view, asked } = setUp();
    const first = new Promise<PlaceReport>((resolve) => (answer = resolve));
    const slow = new PlaceState(
      inspectorOf({
        placeOf: (offset, cpu) => {
          asked.push(offset);
          return asked.length === 1 ? first : Promise.resolve(reportOf(offset, cpu));
        },
      }),
      view,
    );
    slow.follow(START);
    await vi.advanceTimersByTimeAsync(100);
    for (let page = 1; page < 9; page += 1) {
      view.cursor = START + page * 4096;
      slow.follow(view.cursor);
      await vi.advanceTimersByTimeAsync(100);
    }
    expect(asked).toEqual([START]);
    answer(reportOf(START, 0));
    await vi.advanceTimersByTimeAsync(200);
    expect(asked).toEqual([START, START + 8 * 4096]);
    expect(slow.virtual?.address).toBe(0xffff_8880_0000_8000n);
    expect(state.virtual).toBeNull();
  });

  it('outside of pages nothing is asked, and a question that fails is told', async () => {
    const { state, view, asked } = setUp(() => {
      throw fail('file.io', 'reading', 'the disk says no', 'Look at it.');
    });
    view.block = null;
    state.follow(START);
    await vi.advanceTimersByTimeAsync(200);
    expect(asked).toEqual([]);
    view.block = 'pc.ram';
    state.follow(START);
    await vi.advanceTimersByTimeAsync(200);
    expect([asked.length, state.why]).toEqual([1, 'the disk says no.']);
  });
});

describe('a typed place', () => {
  it('is prepared while it is typed, where it is certain to lead somewhere', () => {
    const { state, view } = setUp();
    for (const [kind, text] of [
      ['offset', '0x20'],
      ['offset', '0x2000'],
      ['offset', 'x'],
      ['gpa', '0x2000'],
      ['gva', '0x2000'],
    ] as const) {
      state.prepare(kind, text);
      expect(state.isCertain(kind, text)).toBe(kind === 'offset' && text !== 'x');
    }
    expect(view.prepared).toEqual([0x20, 0x2000]);
  });

  it('of a register leads there, and its own address is shown, not the preferred one', async () => {
    const { state, view } = setUp();
    await state.start();
    expect(await state.go('offset', 'cpu1.rip')).toBeNull();
    expect([state.typed, state.cpu, view.cursor]).toEqual(['gva', 1, START + 0x2010]);
    state.follow(view.cursor);
    await vi.advanceTimersByTimeAsync(200);
    expect(state.virtual).toEqual({ address: 0x7010n, others: 1, listed: [0xffff_8880_0000_2010n] });
    expect(state.walk).toMatchObject({ register: 'rip', cpu: 1 });
  });

  it('keeps its way in view while an entry of it is looked at', async () => {
    const { state, view } = setUp();
    await state.go('gva', 'rip');
    await state.visit(START + 0x5008);
    expect([view.cursor, state.walk?.register]).toEqual([START + 0x5008, 'rip']);
    view.cursor = START + 0x9000;
    expect(state.walk).toBeNull();
  });

  it('that is not mapped says so, and shows how far it goes', async () => {
    const { state } = setUp();
    expect(await state.go('gva', '0x10')).toBe('0x10 is not mapped in cpu 0. No.');
    expect(state.walk).toMatchObject({ gva: '0x10', mapped: false });
    expect(await state.go('page', 'nothing : 1')).toMatch(/no block nothing/);
  });
});

describe('what is not known is said', () => {
  const pages = { block: 'pc.ram', pageSize: 4096, pagesOffset: START, present: true };
  const facts = {
    ...{ cursor: START, place: { pages, page: 0, within: 0 }, guestPhysical: 0, cpu: 2, hasCpus: true },
    ...{ ramMapFrom: 'manifest' as const, virtual: null, why: null },
  };
  const says = (over: object): string => shownPlace('gva', { ...facts, ...over }).unknown;

  it('never with an empty field', () => {
    expect(says({})).toBe('reading cpu 2’s tables');
    expect(says({ why: 'Not mapped in cpu 2.' })).toBe('not mapped in cpu 2');
    expect(says({ why: 'Not found in cpu 2: its page tables go on.' })).toBe('not found in cpu 2');
    expect(says({ place: null })).toBe('not guest memory');
    expect(says({ hasCpus: false })).toBe('no registers known');
    expect(says({ ramMapFrom: null })).toBe('no RAM map known');
    expect(shownPlace('gpa', { ...facts, guestPhysical: null }).unknown).toBe('not mapped');
    expect(shownPlace('page', { ...facts, place: null }).unknown).toBe('not in a page');
  });

  it('where RAM is by the machine type alone is marked', () => {
    const gpa = shownPlace('gpa', { ...facts, ramMapFrom: 'machine type' });
    expect([gpa.label, gpa.title]).toEqual([
      'Guest-physical, derived',
      expect.stringMatching(/^Worked out from the machine type/) as string,
    ]);
  });
});
