/** What is searched for, as bytes or as an expression on bytes. */
import { fail } from '../contracts/failure';
import type { SearchWhat } from '../contracts/search';
import { isLetter } from './byte-set';
import { utf16Bytes, utf8Bytes } from './encode';
import { parseRegex } from './regex-parse';
import { bytesNode, type RegexNode } from './regex-tree';

/** Bytes of which some bits may not count. A byte of `value` has no bits that `mask` has not. */
export interface MaskedBytes {
  readonly value: Uint8Array;
  readonly mask: Uint8Array;
}

export type Needle =
  { readonly kind: 'bytes'; readonly bytes: MaskedBytes } | { readonly kind: 'regex'; readonly tree: RegexNode };

/** Most bytes of a needle. */
export const MOST_NEEDLE_BYTES = 4096;

/** Bit in which the two cases of an ASCII letter differ. */
const CASE_BIT = 0x20;

/** Throws `usage` with what is wrong: no bytes at all, no hexadecimal digits, a number that does not fit. */
export function readNeedle(what: SearchWhat): Needle {
  switch (what.kind) {
    case 'text':
      return checked(readText(what));
    case 'hex':
      return checked({ kind: 'bytes', bytes: readHex(what.hex) });
    case 'int':
      return { kind: 'bytes', bytes: exactly(intBytes(what)) };
    case 'regex':
      return { kind: 'regex', tree: parseRegex(what.pattern, what.ignoreCase) };
  }
}

function checked(needle: Needle): Needle {
  if (needle.kind === 'regex') return needle;
  const { mask } = needle.bytes;
  if (mask.length > MOST_NEEDLE_BYTES)
    throw refuse(`it is ${mask.length} bytes long`, `At most ${MOST_NEEDLE_BYTES} are taken.`);
  if (mask.every((bits) => bits === 0))
    throw refuse('it says nothing of any byte', 'Give at least one digit or character.');
  return needle;
}

const exactly = (bytes: readonly number[]): MaskedBytes => ({
  value: Uint8Array.from(bytes),
  mask: new Uint8Array(bytes.length).fill(0xff),
});

function readText({ text, encoding, ignoreCase }: SearchWhat & { readonly kind: 'text' }): Needle {
  const encode = (part: string): number[] =>
    encoding === 'utf8' ? utf8Bytes(part) : utf16Bytes(part, encoding === 'utf16le' ? 'little' : 'big');
  if (!ignoreCase) return { kind: 'bytes', bytes: exactly(encode(text)) };
  const beyondAscii = Array.from(text).some((character) => character > '\u007f' && casesOf(character).length > 1);
  return beyondAscii
    ? { kind: 'regex', tree: eitherCase(text, encode) }
    : { kind: 'bytes', bytes: foldedAscii(encode(text)) };
}

/** The cases of a character, itself first. */
const casesOf = (character: string): readonly string[] => [
  ...new Set([character, character.toLowerCase(), character.toUpperCase()]),
];

/** ASCII letters in either case. Other bytes of UTF-8 are no letters; in UTF-16 a letter's other byte is zero. */
const foldedAscii = (bytes: readonly number[]): MaskedBytes => ({
  value: Uint8Array.from(bytes, (byte) => (isLetter(byte) ? byte & ~CASE_BIT : byte)),
  mask: Uint8Array.from(bytes, (byte) => (isLetter(byte) ? 0xff & ~CASE_BIT : 0xff)),
});

/** Every character in each of its cases, which may differ in the number of their bytes. */
function eitherCase(text: string, encode: (part: string) => number[]): RegexNode {
  const parts = Array.from(text).map((character): RegexNode => {
    const options = casesOf(character).map((one) => bytesNode(encode(one)));
    const [only, ...more] = options;
    return only !== undefined && more.length === 0 ? only : { kind: 'either', options };
  });
  return { kind: 'sequence', parts };
}

function readHex(hex: string): MaskedBytes {
  const digits = hex.replace(/\s+/g, '');
  const wrong = /[^0-9a-fA-F?]/.exec(digits);
  if (wrong !== null) throw refuse(`${wrong[0]} is no hexadecimal digit`, 'Write bytes as in "de ?? be".');
  if (digits.length % 2 !== 0)
    throw refuse('it has half a byte', 'Write two digits for each byte; ? stands for any digit.');
  const pairs = digits.match(/../g) ?? [];
  const digit = (character: string | undefined): number =>
    character === undefined || character === '?' ? 0 : Number.parseInt(character, 16);
  const bits = (character: string | undefined): number => (character === '?' ? 0 : 0xf);
  return {
    value: Uint8Array.from(pairs, (pair) => digit(pair[0]) * 16 + digit(pair[1])),
    mask: Uint8Array.from(pairs, (pair) => bits(pair[0]) * 16 + bits(pair[1])),
  };
}

function intBytes({ value, width, endian }: SearchWhat & { readonly kind: 'int' }): number[] {
  if (!/^-?(\d+|0x[0-9a-f]+)$/i.test(value))
    throw refuse(`${value} is no whole number`, 'Write it as 4096, -1 or 0x1000.');
  const magnitude = BigInt(value.replace(/^-/, ''));
  const number = value.startsWith('-') ? -magnitude : magnitude;
  const fits = (bytes: number): boolean => number < 1n << BigInt(bytes * 8) && number >= -(1n << BigInt(bytes * 8 - 1));
  const bytes = width ?? (fits(4) ? 4 : 8);
  if (!fits(bytes))
    throw refuse(`${value} does not fit ${bytes} ${bytes === 1 ? 'byte' : 'bytes'}`, 'Choose a larger width.');
  const little = Array.from({ length: bytes }, (_, at) => Number(BigInt.asUintN(8, number >> BigInt(at * 8))));
  return endian === 'little' ? little : little.reverse();
}

const refuse = (what: string, todo: string): Error =>
  fail('usage', 'reading what to search for', what, todo, { where: { field: 'what to search for' } });
