/** Sets of bytes, as the regular expressions use them. Immutable. */
export class ByteSet {
  readonly #has: Uint8Array;
  readonly size: number;

  private constructor(has: Uint8Array) {
    this.#has = has;
    this.size = has.reduce((sum, one) => sum + one, 0);
  }

  static readonly none = new ByteSet(new Uint8Array(256));
  static readonly all = new ByteSet(new Uint8Array(256).fill(1));

  static where(test: (byte: number) => boolean): ByteSet {
    return new ByteSet(Uint8Array.from({ length: 256 }, (_, byte) => Number(test(byte))));
  }

  static of(...bytes: readonly number[]): ByteSet {
    return ByteSet.where((byte) => bytes.includes(byte));
  }

  /** From `first` to `last`, both in it. */
  static range(first: number, last: number): ByteSet {
    return ByteSet.where((byte) => byte >= first && byte <= last);
  }

  has(byte: number): boolean {
    return this.#has[byte] === 1;
  }

  or(other: ByteSet): ByteSet {
    return ByteSet.where((byte) => this.has(byte) || other.has(byte));
  }

  not(): ByteSet {
    return ByteSet.where((byte) => !this.has(byte));
  }

  /** With both cases of every ASCII letter that is in it. */
  foldCase(): ByteSet {
    return ByteSet.where((byte) => this.has(byte) || (isLetter(byte) && this.has(otherCase(byte))));
  }

  bytes(): readonly number[] {
    return Array.from({ length: 256 }, (_, byte) => byte).filter((byte) => this.has(byte));
  }

  /** Lowest and highest byte, for a set without gaps that is not empty; null for others. */
  asRange(): readonly [first: number, last: number] | null {
    const bytes = this.bytes();
    const [first, last] = [bytes[0], bytes.at(-1)];
    return first !== undefined && last !== undefined && last - first + 1 === bytes.length ? [first, last] : null;
  }

  /** Bytes 0 and 1, one for each byte value. */
  flags(): Uint8Array {
    return this.#has.slice();
  }
}

/** Whether a byte is an ASCII letter. */
export const isLetter = (byte: number): boolean => (byte >= 0x41 && byte <= 0x5a) || (byte >= 0x61 && byte <= 0x7a);

/** The same ASCII letter in its other case: the two differ in bit 0x20. */
export const otherCase = (letter: number): number => letter ^ 0x20;
