/**
 * Rows of bits in words of 32, bit n % 32 of word n >> 5 for page n, counted from the lowest: as a little-endian mapped-ram
 * bitmap stands in the memory of a little-endian machine, and Electron runs on no other. Bits past the last page are 0.
 */

/** The words for `pages` pages, all 0. An even number of them, since the file has words of 64 bits. */
export const bitWords = (pages: number): Uint32Array => new Uint32Array(Math.ceil(pages / 64) * 2);

const ALL = 0xffffffff;

export const hasBit = (words: Uint32Array, page: number): boolean =>
  (((words[page >>> 5] ?? 0) >>> (page & 31)) & 1) === 1;

export function setBit(words: Uint32Array, page: number): void {
  words[page >>> 5] = (words[page >>> 5] ?? 0) | (1 << (page & 31));
}

/** Sets the bits from `from` to before `to`. */
export function setBits(words: Uint32Array, from: number, to: number): void {
  eachMask(from, to, (word, mask) => (words[word] = (words[word] ?? 0) | mask));
}

export function clearBits(words: Uint32Array, from: number, to: number): void {
  eachMask(from, to, (word, mask) => (words[word] = (words[word] ?? 0) & ~mask));
}

/** Sets those of the bits from `from` to before `to` that are set in `others`. */
export function setWhere(words: Uint32Array, others: Uint32Array, from: number, to: number): void {
  eachMask(from, to, (word, mask) => (words[word] = (words[word] ?? 0) | ((others[word] ?? 0) & mask)));
}

/** Sets those that are not set in `others`. */
export function setWhereNot(words: Uint32Array, others: Uint32Array, from: number, to: number): void {
  eachMask(from, to, (word, mask) => (words[word] = (words[word] ?? 0) | (~(others[word] ?? 0) & mask)));
}

/** Clears those that are set in `others`. */
export function clearWhere(words: Uint32Array, others: Uint32Array, from: number, to: number): void {
  eachMask(from, to, (word, mask) => (words[word] = (words[word] ?? 0) & ~((others[word] ?? 0) & mask)));
}

/** How many bits from `from` to before `to` are set in `words` and not in `without`, which may be null. */
export function countBits(words: Uint32Array, without: Uint32Array | null, from: number, to: number): number {
  if (to <= from) return 0;
  const [first, last] = [from >>> 5, (to - 1) >>> 5];
  let [head, tail] = [words[first] ?? 0, words[last] ?? 0];
  if (without !== null) {
    head &= ~(without[first] ?? 0);
    tail &= ~(without[last] ?? 0);
  }
  if (first === last) return ones(head & maskOf(from, to));
  const edges = ones(head & (ALL << (from & 31))) + ones(tail & lowBits(to));
  return edges + (without === null ? countWords(words, first + 1, last) : countApart(words, without, first + 1, last));
}

function countWords(words: Uint32Array, first: number, end: number): number {
  let count = 0;
  for (let at = first; at < end; at++) {
    const word = words[at] ?? 0;
    if (word !== 0) count += ones(word);
  }
  return count;
}

function countApart(words: Uint32Array, without: Uint32Array, first: number, end: number): number {
  let count = 0;
  for (let at = first; at < end; at++) {
    const word = (words[at] ?? 0) & ~(without[at] ?? 0);
    if (word !== 0) count += ones(word);
  }
  return count;
}

/**
 * The nearest page at or behind (direction 1), or at or before (−1) `from` that is set in all of `wanted` and in none of
 * `unwanted`, among `pages`; null when there is none. 33 million pages take some milliseconds.
 */
export function nearestBit({ wanted, unwanted, pages }: BitQuery, from: number, direction: 1 | -1): number | null {
  const start = direction === 1 ? from : Math.min(from, pages - 1);
  if (start < 0 || start >= pages) return null;
  const last = (pages - 1) >>> 5;
  for (let at = start >>> 5; at >= 0 && at <= last; at += direction) {
    let word = at === last ? lowBits(pages) : ALL;
    if (at === start >>> 5) word &= direction === 1 ? ALL << (start & 31) : lowBits(start + 1);
    for (const words of wanted) word &= words[at] ?? 0;
    for (const words of unwanted) word &= ~(words[at] ?? 0);
    if (word !== 0) return at * 32 + (direction === 1 ? 31 - Math.clz32(word & -word) : 31 - Math.clz32(word));
  }
  return null;
}

export interface BitQuery {
  readonly wanted: readonly Uint32Array[];
  readonly unwanted: readonly Uint32Array[];
  readonly pages: number;
}

/** Set bits of a word. */
function ones(word: number): number {
  const pairs = word - ((word >>> 1) & 0x55555555);
  const fours = (pairs & 0x33333333) + ((pairs >>> 2) & 0x33333333);
  return Math.imul((fours + (fours >>> 4)) & 0x0f0f0f0f, 0x01010101) >>> 24;
}

/** Bits of the word of page `to - 1` up to that page. */
const lowBits = (to: number): number => ALL >>> (31 - ((to - 1) & 31));

/** Bits from `from` to before `to`, which share a word. */
const maskOf = (from: number, to: number): number => (ALL << (from & 31)) & lowBits(to);

function eachMask(from: number, to: number, visit: (word: number, mask: number) => void): void {
  for (let at = from; at < to;) {
    const end = Math.min(to, at - (at % 32) + 32);
    visit(at >>> 5, maskOf(at, end));
    at = end;
  }
}
