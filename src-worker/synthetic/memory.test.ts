import { describe, expect, it } from 'vitest';
import type { SyntheticGuestOptions } from '@shared/contracts/synthetic';
import { Memory } from './memory';

const PAGE = 4096;
const PAGES = 1024;

const usual: SyntheticGuestOptions = {
  ramBytes: PAGES * PAGE,
  pageSize: PAGE,
  workingSetBytes: 256 * PAGE,
  mibPerSecond: 0,
  zeroShare: 0.25,
  zeroAgainShare: 0.5,
  seed: 7,
};

interface Rig {
  readonly ram: Buffer;
  readonly memory: Memory;
}

function rig(change: Partial<SyntheticGuestOptions> = {}, onPut: (page: number) => void = () => undefined): Rig {
  const options = { ...usual, ...change };
  const ram = Buffer.alloc(options.ramBytes);
  const memory = new Memory(options, (bytes, offset) => {
    ram.set(bytes, offset);
    onPut(Math.floor(offset / PAGE));
  });
  while (memory.fill());
  return { ram, memory };
}

const pagesIn = (bits: Uint8Array): number[] =>
  Array.from({ length: PAGES }, (_, page) => page).filter((page) => (((bits[page >> 3] ?? 0) >> (page & 7)) & 1) === 1);
const isZero = (ram: Buffer, page: number): boolean =>
  ram.subarray(page * PAGE, (page + 1) * PAGE).equals(Buffer.alloc(PAGE));

describe('the memory of a synthetic guest', () => {
  it('is the same for the same seed, before and while it is written', () => {
    const [one, two, other] = [rig(), rig(), rig({ seed: 8 })];
    expect(one.ram.equals(two.ram)).toBe(true);
    expect(one.ram.equals(other.ram)).toBe(false);
    for (let count = 0; count < 500; count += 1) {
      one.memory.writeNext();
      two.memory.writeNext();
    }
    expect(one.ram.equals(two.ram)).toBe(true);
  });

  it.each([0, 0.25, 1])('has about that part that nobody wrote to: %f', (zeroShare) => {
    const { ram, memory } = rig({ zeroShare });
    const zero = Array.from({ length: PAGES }, (_, page) => page).filter((page) => isZero(ram, page));
    expect(Math.abs(zero.length / PAGES - zeroShare)).toBeLessThan(zeroShare === 0 || zeroShare === 1 ? 1e-9 : 0.2);
    expect(pagesIn(memory.takeDirty())).toEqual(
      Array.from({ length: PAGES }, (_, page) => page).filter((page) => !zero.includes(page)),
    );
  });

  it('has no two pages alike, so that one in the wrong place is found', () => {
    const { ram } = rig({ zeroShare: 0 });
    const seen = new Set(
      Array.from({ length: PAGES }, (_, page) => ram.toString('base64', page * PAGE, (page + 1) * PAGE)),
    );
    expect(seen.size).toBe(PAGES);
  });

  it('is written around its working set, some pages with zeros', () => {
    const { ram, memory } = rig();
    memory.takeDirty();
    for (let count = 0; count < 256; count += 1) memory.writeNext();
    expect(pagesIn(memory.takeDirty())).toEqual(Array.from({ length: 256 }, (_, page) => page));
    expect(memory.takeDirty().every((byte) => byte === 0)).toBe(true);
    const zero = Array.from({ length: 256 }, (_, page) => page).filter((page) => isZero(ram, page));
    expect(memory.written).toEqual({ writes: 256, zeroed: zero.length });
    expect(zero.length).toBeGreaterThan(80);
    expect(zero.length).toBeLessThan(176);
  });

  it('is marked after it is written: a sync between the two finds the page at the next one', () => {
    let armed = false;
    let taken: number[] = [];
    const one: Rig = rig({}, (page) => {
      if (armed) taken = pagesIn(one.memory.takeDirty()).filter((marked) => marked === page);
    });
    one.memory.takeDirty();
    armed = true;
    one.memory.writeNext();
    armed = false;
    expect(taken).toEqual([]);
    expect(pagesIn(one.memory.takeDirty())).toEqual([0]);
  });
});
