/** Classes of bytes by name. ASCII only: bytes of 0x80 and more belong to none of them. */
import { ByteSet } from './byte-set';

const DIGIT = ByteSet.range(0x30, 0x39);
const UPPER = ByteSet.range(0x41, 0x5a);
const LOWER = ByteSet.range(0x61, 0x7a);
const ALPHA = UPPER.or(LOWER);
const ALNUM = ALPHA.or(DIGIT);
const WORD = ALNUM.or(ByteSet.of(0x5f));
/** Tab, newline, vertical tab, form feed, carriage return, space. */
const SPACE = ByteSet.range(0x09, 0x0d).or(ByteSet.of(0x20));
const GRAPH = ByteSet.range(0x21, 0x7e);

/** `\d`, `\w`, `\s` and their opposites. */
export const ESCAPED_CLASSES: Readonly<Record<string, ByteSet>> = {
  d: DIGIT,
  D: DIGIT.not(),
  w: WORD,
  W: WORD.not(),
  s: SPACE,
  S: SPACE.not(),
};

/** `[:digit:]` and the others of POSIX, as in the C locale. */
export const POSIX_CLASSES: Readonly<Record<string, ByteSet>> = {
  alnum: ALNUM,
  alpha: ALPHA,
  blank: ByteSet.of(0x09, 0x20),
  cntrl: ByteSet.range(0, 0x1f).or(ByteSet.of(0x7f)),
  digit: DIGIT,
  graph: GRAPH,
  lower: LOWER,
  print: GRAPH.or(ByteSet.of(0x20)),
  punct: ByteSet.where((byte) => GRAPH.has(byte) && !ALNUM.has(byte)),
  space: SPACE,
  upper: UPPER,
  word: WORD,
  xdigit: DIGIT.or(ByteSet.range(0x41, 0x46)).or(ByteSet.range(0x61, 0x66)),
};

/** Escapes that stand for one byte. */
export const ESCAPED_BYTES: Readonly<Record<string, number>> = {
  n: 0x0a,
  r: 0x0d,
  t: 0x09,
  f: 0x0c,
  v: 0x0b,
  a: 0x07,
  e: 0x1b,
  '0': 0x00,
};

/** `.`: any byte but newline. */
export const ANY_BUT_NEWLINE = ByteSet.of(0x0a).not();
