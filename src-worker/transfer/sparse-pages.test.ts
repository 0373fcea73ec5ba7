import { describe, expect, it } from 'vitest';
import { SparsePages } from './sparse-pages';

/** Numbers from 0 to 1, the same for the same seed. */
function randomFrom(seed: number): () => number {
  let state = seed;
  return () => (state = (state * 48271) % 2147483647) / 2147483647;
}

describe('a sparse set of pages', () => {
  it.each([3, 5, 8])('is what a set is, whatever is put in and taken out (seed %i)', (seed) => {
    const random = randomFrom(seed);
    const [pages, model] = [new SparsePages(), new Set<number>()];
    const far = 2 ** 43 - 9000;
    for (let round = 0; round < 20_000; round++) {
      const page = Math.floor(random() * 9000) + (random() < 0.3 ? far : 0);
      if (random() < 0.6) {
        pages.add(page);
        model.add(page);
      } else expect(pages.delete(page)).toBe(model.delete(page));
    }
    expect(pages.size).toBe(model.size);
    const listed = pages.runs().flatMap(([first, end]) => Array.from({ length: end - first }, (_, at) => first + at));
    expect(listed).toEqual([...model].sort((a, b) => a - b));
    const bits = [...pages.parts()].flatMap(({ at, bytes }) =>
      [...bytes].flatMap((byte, index) =>
        Array.from({ length: 8 }, (_, bit) => ((byte >>> bit) & 1) * ((at + index) * 8 + bit)),
      ),
    );
    expect(bits.filter((page) => page > 0)).toEqual(listed.filter((page) => page > 0));
  });

  it('joins what stands side by side over its inner borders', () => {
    const pages = new SparsePages();
    for (let page = 4090; page < 12_300; page++) pages.add(page);
    expect(pages.runs()).toEqual([[4090, 12_300]]);
  });
});
