import { describe, expect, it, vi } from 'vitest';
import { blockOffset, byteCount, guestPhysical } from '@shared/bytes/units';
import type { InspectedFile, InspectorPort } from '@shared/contracts/inspector-port';
import type { Arrangement } from '../hex-state.svelte';
import { GIB, HUGE, hugeSegments, portOver } from '../huge-file.fixture';
import type { Easel } from './easel';
import { Painter } from './painter.svelte';
import type { PicturedRow } from './picture';
import type { FromPainter, Look, Painted } from './protocol';

const segments = hugeSegments();
const file: InspectedFile = {
  name: 'huge',
  size: HUGE,
  bytesOnDisk: null,
  report: null,
  failure: null,
  ramMap: [
    {
      block: 'pc.ram',
      blockOffset: blockOffset(0),
      guestPhysical: guestPhysical(4 * GIB),
      length: byteCount(HUGE),
    },
  ],
  ramMapFrom: 'manifest',
};
const canvas = {} as OffscreenCanvas;
const arrangement: Arrangement = { columns: 16, fold: true, opened: new Set(), visible: 30 };
const look = (change: Partial<Look> = {}): Look => ({
  arrangement,
  gutter: 'file',
  text: 'ascii',
  measures: {} as Look['measures'],
  ...change,
});
/** Where single pages begin, each followed by a hole. */
const PAGES = 2 ** 20 + 100 * GIB;
const PAGES_SHARE = PAGES / HUGE;

interface Rig {
  readonly painter: Painter;
  readonly pictures: (readonly PicturedRow[])[];
  readonly told: FromPainter[];
  painted(): Painted;
}

async function opened(port: Partial<InspectorPort> = {}): Promise<Rig> {
  const [pictures, told]: [(readonly PicturedRow[])[], FromPainter[]] = [[], []];
  const easel: Easel = { use: () => undefined, paint: (rows) => pictures.push(rows) };
  const given = { file: () => Promise.resolve(file), tree: () => Promise.resolve([]), ...port };
  const painter = await Painter.open({ ...portMethods(), ...given }, easel, (message) => told.push(message));
  const painted = (): Painted => {
    const last = told.at(-1);
    if (last?.kind !== 'painted') throw new Error(`${String(last?.kind)} was told last`);
    return last;
  };
  return { painter, pictures, told, painted };
}

/** A proxy cannot be spread. */
const portMethods = (): InspectorPort => {
  const { layout, stretches } = portOver(segments);
  return { layout, stretches } as InspectorPort;
};

describe('a painter', () => {
  it('says that it is ready before anything else, and paints nothing by itself', async () => {
    const { told, pictures } = await opened();
    expect(told).toEqual([{ kind: 'ready' }]);
    expect(pictures).toEqual([]);
  });

  it('answers each drag with the rows that it painted, and with the place that the bar stands for', async () => {
    const { painter, pictures, told, painted } = await opened();
    painter.begin(1, canvas, look());
    for (const share of [0.2, PAGES_SHARE, 1]) {
      await painter.drag(share);
      const rows = pictures.at(-1) ?? [];
      expect(rows.length).toBeGreaterThanOrEqual(30);
      expect(painted()).toMatchObject({ move: 1, answers: true, blank: 0 });
      expect(painted().rows).toBe(rows.map(({ row }) => row.from).join(' '));
      expect(painted().progress).toBeCloseTo(share, 6);
      const [top] = rows;
      expect(painted().place).toBeGreaterThanOrEqual(top?.row.from ?? Number.NaN);
      expect(painted().place).toBeLessThan(Math.max(top?.row.to ?? Number.NaN, painted().place + 1));
    }
    expect(told).toHaveLength(4);
    expect(painted().rows.split(' ').at(-1)).toBe(String(HUGE - 5));
  });

  it('paints bytes and what else rows say', async () => {
    const { painter, pictures } = await opened();
    painter.begin(1, canvas, look());
    await painter.drag(PAGES_SHARE);
    const rows = pictures.at(-1) ?? [];
    const opening = rows.find(({ row }) => row.kind === 'page');
    expect(opening?.sentence?.rest).toContain('guest-physical 0x1a00');
    const bytes = rows.find(({ row }) => row.kind === 'bytes');
    expect([...(bytes?.bytes ?? [])]).toEqual(
      Array.from({ length: 16 }, (_, at) => ((bytes?.row.from ?? 0) + at) % 256),
    );
    expect(bytes?.texts).toBeNull();
    expect(rows.some(({ row, sentence }) => row.kind === 'hole' && sentence?.strong.startsWith('Hole'))).toBe(true);
  });

  it('lays rows out as the page does', async () => {
    const { painter, pictures } = await opened();
    painter.begin(1, canvas, look({ arrangement: { ...arrangement, columns: 32, fold: false, visible: 8 } }));
    await painter.drag(PAGES_SHARE);
    const rows = pictures.at(-1) ?? [];
    expect(rows).toHaveLength(9);
    expect(rows.filter(({ row }) => row.kind === 'bytes').every(({ bytes }) => bytes?.length === 32)).toBe(true);
    painter.begin(2, canvas, look({ gutter: 'gpa', text: 'utf8' }));
    await painter.drag(PAGES_SHARE);
    const bytes = (pictures.at(-1) ?? []).find(({ row }) => row.kind === 'bytes');
    expect(bytes?.address).toBe((bytes?.row.from ?? 0) - 2 ** 20 + 4 * GIB);
    expect(bytes?.texts).toHaveLength(16);
  });

  it('paints the rows once more when bytes come late', async () => {
    let come: () => void = () => undefined;
    const late = new Promise<void>((resolve) => (come = resolve));
    const { stretches } = portOver(segments);
    const { painter, told, painted } = await opened({ stretches: (wanted) => late.then(() => stretches(wanted)) });
    painter.begin(7, canvas, look());
    await painter.drag(PAGES_SHARE);
    expect(painted()).toMatchObject({ answers: true });
    expect(painted().blank).toBeGreaterThan(5);
    const { rows } = painted();
    come();
    await vi.waitFor(() => expect(painted()).toMatchObject({ move: 7, answers: false, blank: 0, rows }));
    expect(told.filter(({ kind }) => kind === 'failed')).toEqual([]);
  });

  it('answers with what it has when the file is slow, and paints the rows when they have come', async () => {
    const { layout } = portOver(segments);
    let come: () => void = () => undefined;
    let held = Promise.resolve();
    const { painter, told, painted } = await opened({ layout: (...asked) => held.then(() => layout(...asked)) });
    painter.begin(1, canvas, look());
    await painter.drag(0.25);
    const { rows } = painted();
    held = new Promise((resolve) => (come = resolve));
    const there = painter.drag(1);
    await vi.waitFor(() => expect(told).toHaveLength(3));
    expect(painted()).toMatchObject({ answers: true, rows });
    come();
    await there;
    expect(painted()).toMatchObject({ answers: false, progress: 1 });
    expect(painted().rows).not.toBe(rows);
  });

  it('of drags that come faster than the file answers paints the last', async () => {
    const { painter, painted } = await opened();
    painter.begin(1, canvas, look());
    await Promise.all([0.1, 0.2, 0.3, 0.4].map((share) => painter.drag(share)));
    expect(painted().progress).toBeCloseTo(0.4, 6);
  });

  it('says that it failed when the file cannot be read', async () => {
    const { layout } = portOver(segments);
    let broken = false;
    const { painter, told } = await opened({
      layout: (...asked) => (broken ? Promise.reject(new Error('gone')) : layout(...asked)),
    });
    painter.begin(1, canvas, look());
    broken = true;
    await painter.drag(0.5);
    expect(told).toContainEqual({ kind: 'failed' });
  });
});
