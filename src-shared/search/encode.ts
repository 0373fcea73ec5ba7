/** Characters as bytes, without Node or DOM: what is searched for is encoded by rule, not by platform. */

/** UTF-8. A lone surrogate becomes U+FFFD, as everywhere. */
export function utf8Bytes(text: string): number[] {
  const bytes: number[] = [];
  for (const character of text) {
    const point = character.codePointAt(0) ?? 0;
    bytes.push(...utf8OfPoint(point >= 0xd800 && point <= 0xdfff ? 0xfffd : point));
  }
  return bytes;
}

function utf8OfPoint(point: number): number[] {
  if (point < 0x80) return [point];
  const tail = (shift: number): number => 0x80 | ((point >> shift) & 0x3f);
  if (point < 0x800) return [0xc0 | (point >> 6), tail(0)];
  if (point < 0x10000) return [0xe0 | (point >> 12), tail(6), tail(0)];
  return [0xf0 | (point >> 18), tail(12), tail(6), tail(0)];
}

/** UTF-16, its code units in either byte order. */
export function utf16Bytes(text: string, endian: 'little' | 'big'): number[] {
  const bytes: number[] = [];
  for (let at = 0; at < text.length; at++) {
    const unit = text.charCodeAt(at);
    bytes.push(...(endian === 'little' ? [unit & 0xff, unit >> 8] : [unit >> 8, unit & 0xff]));
  }
  return bytes;
}
