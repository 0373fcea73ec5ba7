/** The kernel once more in plain TypeScript, value by value: what the tests compare it with. */
import { COUNTS } from './kernels';

const SECOND = new Set([0x89, 0x8b, 0x8d, 0x85, 0x83, 0xc7, 0x39, 0x01, 0x0f]);

export function twinFeatures(page: Uint8Array): number[] {
  const counts = new Array<number>(COUNTS.length).fill(0);
  const add = (at: number): void => {
    counts[at] = (counts[at] ?? 0) + 1;
  };
  for (const [place, byte] of page.entries()) {
    add((place % 4) * 256 + byte);
    add(COUNTS.bytes + byte);
    const next = page[place + 1];
    if (byte >= 0x48 && byte <= 0x4f && next !== undefined && SECOND.has(next)) add(COUNTS.pairs);
  }
  const view = new DataView(page.buffer, page.byteOffset, page.length);
  for (let at = 0; at < page.length; at += 8) {
    const word = view.getBigUint64(at, true);
    if (word !== 0n) add(COUNTS.words);
    if (isAddress(word)) add(COUNTS.addresses);
    if (isEntry(word)) add(COUNTS.entries);
  }
  return counts;
}

function isAddress(word: bigint): boolean {
  if (word >= 0xffff_ffff_0000_0000n) return word >= 0xffff_ffff_8000_0000n && word < 0xffff_ffff_ffff_f000n;
  if (word >= 0xffff_0000_0000_0000n) return true;
  if (word >> 32n === 0xffffn) return true;
  return [0x55n, 0x56n, 0x7fn, 0xaan].includes(word >> 40n);
}

function isEntry(word: bigint): boolean {
  const bit = (index: bigint): boolean => ((word >> index) & 1n) === 1n;
  const clear = (from: bigint, to: bigint): boolean => (word >> from) % (1n << (to - from + 1n)) === 0n;
  const x86 = bit(0n) && bit(5n) && clear(44n, 62n);
  const arm = bit(0n) && bit(1n) && bit(10n) && clear(44n, 50n) && clear(58n, 63n);
  return (x86 || arm) && !clear(12n, 43n);
}
