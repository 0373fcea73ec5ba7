/**
 * Parts of a view that are printable characters of UTF-8, one after another: calls `visit` with each part's distance from
 * the view's start, its bytes and its characters. Bytes that are no character, control characters and unpaired surrogates
 * stand between parts.
 */
export function utf8Parts(view: Uint8Array, visit: (offset: number, length: number, characters: number) => void): void {
  let [start, characters] = [0, 0];
  const close = (at: number): void => {
    if (characters > 0) visit(start, at - start, characters);
    characters = 0;
  };
  for (let at = 0; at < view.length;) {
    const length = characterLength(view, at);
    if (length === 0) {
      close(at);
      at += 1;
      start = at;
      continue;
    }
    if (characters === 0) start = at;
    characters += 1;
    at += length;
  }
  close(view.length);
}

/** First byte of a character of 2, 3 and 4 bytes, and the least and most that its second byte can be (Unicode, table 3-7). */
function secondOf(first: number): readonly [length: number, least: number, most: number] | null {
  // 0xc2 0x80 … 0x9f are control characters.
  if (first === 0xc2) return [2, 0xa0, 0xbf];
  if (first >= 0xc3 && first <= 0xdf) return [2, 0x80, 0xbf];
  if (first === 0xe0) return [3, 0xa0, 0xbf];
  if (first === 0xed) return [3, 0x80, 0x9f];
  if (first >= 0xe1 && first <= 0xef) return [3, 0x80, 0xbf];
  if (first === 0xf0) return [4, 0x90, 0xbf];
  if (first >= 0xf1 && first <= 0xf3) return [4, 0x80, 0xbf];
  if (first === 0xf4) return [4, 0x80, 0x8f];
  return null;
}

/** Bytes of the printable character at `at`; 0 when none is there. */
function characterLength(view: Uint8Array, at: number): number {
  const first = view[at] ?? 0;
  if (first === 0x09 || (first >= 0x20 && first <= 0x7e)) return 1;
  const shape = secondOf(first);
  if (shape === null) return 0;
  const [length, least, most] = shape;
  for (let index = 1; index < length; index++) {
    const byte = view[at + index] ?? 0;
    if (byte < (index === 1 ? least : 0x80) || byte > (index === 1 ? most : 0xbf)) return 0;
  }
  return length;
}
