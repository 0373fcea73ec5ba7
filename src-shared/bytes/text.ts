/** The coders of the platforms this runs on; declared here because src-shared has neither DOM nor Node types. */
declare const TextDecoder: new (
  label: string,
  options?: { readonly fatal?: boolean },
) => { decode(bytes: Uint8Array): string };
declare const TextEncoder: new () => { encode(text: string): Uint8Array };

const lenient = new TextDecoder('utf-8');
const strict = new TextDecoder('utf-8', { fatal: true });
const encoder = new TextEncoder();

/** UTF-8, with U+FFFD for what is none. */
export const decodeText = (bytes: Uint8Array): string => lenient.decode(bytes);

/** UTF-8, or null when the bytes are none. */
export function decodeTextStrictly(bytes: Uint8Array): string | null {
  try {
    return strict.decode(bytes);
  } catch {
    return null;
  }
}

/** The bytes of a text in UTF-8. */
export const encodeText = (text: string): Uint8Array => encoder.encode(text);

/** Bytes of an ASCII word such as a magic. */
export const asciiBytes = (word: string): Uint8Array => Uint8Array.from(word, (letter) => letter.charCodeAt(0));

export function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, index) => byte === b[index]);
}
