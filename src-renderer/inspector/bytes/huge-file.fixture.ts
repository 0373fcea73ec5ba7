/** A file of 128 GiB for tests of the hex view, as the worker's side has it. */
import type { InspectorPort, Layout, PageRun, Segment } from '@shared/contracts/inspector-port';
import { inspectorOf } from '../inspector.fixture';

export const GIB = 2 ** 30;
export const HUGE = 128 * GIB;
const run = (present: boolean): PageRun => ({ block: 'pc.ram', pageSize: 4096, pagesOffset: 2 ** 20, present });

/** 128 GiB with one hole of nearly all of it, and some thousand single pages at its end. */
export function hugeSegments(): readonly Segment[] {
  const segments: Segment[] = [
    { offset: 0, length: 4096, kind: 'data', pages: null },
    { offset: 4096, length: 2 ** 20 - 4096, kind: 'hole', pages: null },
    { offset: 2 ** 20, length: 100 * GIB, kind: 'hole', pages: run(false) },
  ];
  for (let offset = 2 ** 20 + 100 * GIB, index = 0; index < 20_000; index += 1) {
    const present = index % 2 === 0;
    segments.push({ offset, length: 4096, kind: present ? 'data' : 'hole', pages: run(present) });
    offset += 4096;
  }
  const end = (segments.at(-1)?.offset ?? 0) + 4096;
  segments.push({ offset: end, length: HUGE - 5 - end, kind: 'hole', pages: run(false) });
  segments.push({ offset: HUGE - 5, length: 5, kind: 'data', pages: null });
  return segments;
}

/** A port over these segments; each byte is the low byte of its offset. */
export function portOver(segments: readonly Segment[], asked: number[] = []): InspectorPort {
  const at = (offset: number): number => segments.findLastIndex((segment) => segment.offset <= offset);
  return inspectorOf({
    stretches: (wanted) =>
      Promise.resolve(
        wanted.map(({ offset, length }) => Uint8Array.from({ length }, (_, index) => (offset + index) % 256)),
      ),
    layout: (offset, before, after): Promise<Layout> => {
      asked.push(offset);
      const here = at(offset);
      return Promise.resolve({ segments: segments.slice(Math.max(0, here - before), here + after + 1) });
    },
    presentPage: (offset, direction) => {
      const pages = segments.filter(({ pages, kind }) => pages?.present === true && kind === 'data');
      const found =
        direction === 1
          ? pages.find((segment) => segment.offset > offset)
          : pages.findLast((segment) => segment.offset + 4096 <= offset);
      return Promise.resolve(found?.offset ?? null);
    },
  });
}
