/** Choosing virtual addresses of every kind out of a guest's pages. Imports nothing from src-*. */
import { randomFrom } from './random';
import type { MappedPage } from './guest-pages';

/** Addresses are multiples of this many bytes. */
export const LENGTH = 16;
const LARGE = 2 ** 21;

export interface SampleAddress {
  readonly address: bigint;
  /** In a page larger than the smallest, as far as is known. */
  readonly large: boolean;
  readonly user: boolean;
}

/**
 * `count` addresses, no two alike: of small pages, of processes and of the kernel, of large ones, of devices, and of places
 * that are mostly not mapped. `isRam` tells whether a guest-physical address is RAM.
 */
export function sampleAddresses(
  pages: readonly MappedPage[],
  isRam: (physical: bigint) => boolean,
  count: number,
): readonly SampleAddress[] {
  const random = randomFrom(count);
  const below = (most: number): number => Math.floor(random() * most);
  const chosen = new Map<bigint, SampleAddress>();
  const add = (from: readonly MappedPage[], wanted: number, largest = LARGE): void => {
    // A guest with few pages of a kind has few addresses of it: most of them are found in reasonable time.
    const there = from.reduce((sum, page) => sum + (page.large ? largest : 4096) / LENGTH, 0);
    for (const most = chosen.size + Math.min(wanted, Math.floor(there * 0.95)); chosen.size < most;) {
      const page = from[below(from.length)];
      if (page === undefined) continue;
      const offset = Math.floor(below(page.large ? largest : 4096) / LENGTH) * LENGTH;
      // Further in than the smallest large page, it may be another page.
      const large = page.large && largest === LARGE;
      chosen.set(page.address + BigInt(offset), { user: page.user, large, address: page.address + BigInt(offset) });
    }
  };
  const inRam = pages.filter(({ physical }) => isRam(physical));
  const small = inRam.filter(({ large }) => !large);
  add(
    small.filter(({ user }) => user),
    count * 0.08,
  );
  add(
    small.filter(({ user }) => !user),
    count * 0.42,
  );
  add(
    inRam.filter(({ large }) => large),
    count * 0.3,
  );
  // Where RAM may be mapped by pages of 1 GiB.
  const huge = inRam.filter(({ large, physical }) => large && physical % 2n ** 30n === 0n);
  add(huge, count * 0.01, 2 ** 30);
  add(
    pages.filter(({ physical }) => !isRam(physical)),
    count * 0.005,
  );
  while (chosen.size < count) {
    const near = pages[below(pages.length)]?.address ?? 0n;
    const strange = [
      near + BigInt(below(2 ** 30)) * 4096n,
      BigInt(below(2 ** 40)) * 4096n,
      near - 4096n,
      near ^ (1n << BigInt(47 + below(17))),
    ];
    const address = (BigInt.asUintN(64, strange[below(strange.length)] ?? 0n) / BigInt(LENGTH)) * BigInt(LENGTH);
    chosen.set(address, { address, large: false, user: false });
  }
  return [...chosen.values()];
}
