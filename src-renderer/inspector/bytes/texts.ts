/** Bytes read as text, in the encodings in which it makes sense. */

export interface TextLine {
  readonly encoding: 'ASCII' | 'UTF-8' | 'UTF-16' | 'UTF-16 be';
  readonly text: string;
}

/** Letters that are shown. */
const MOST_LETTERS = 64;
/** Fewer letters than that are chance. */
const LEAST_LETTERS = 3;

const isControl = (letter: string): boolean => /[\p{Cc}\p{Cn}\p{Co}\p{Cs}\ufffd]/u.test(letter);

/** Up to the first letter that cannot be shown. */
function beginning(text: string): string {
  const letters = Array.from(text);
  const end = letters.findIndex(isControl);
  return letters.slice(0, end < 0 ? letters.length : end).join('');
}

function decoded(encoding: string, bytes: Uint8Array): string {
  // A letter that the end cuts in two is left out.
  const decoder = new TextDecoder(encoding, { ignoreBOM: true });
  return decoder.decode(bytes, { stream: true });
}

/**
 * The text that begins at the first byte, up to what is no text. `selected`: it is what a person chose, so that one letter is
 * text too. UTF-8 only where it says more than ASCII; UTF-16 only where its letters are of the first few alphabets, since any
 * bytes are UTF-16 otherwise.
 */
export function textsAt(bytes: Uint8Array, selected = false): readonly TextLine[] {
  const lines: TextLine[] = [];
  const least = selected ? 1 : LEAST_LETTERS;
  const add = (encoding: TextLine['encoding'], text: string): void => {
    const letters = Array.from(text);
    if (letters.length >= least) lines.push({ encoding, text: letters.slice(0, MOST_LETTERS).join('') });
  };
  const utf8 = beginning(decoded('utf-8', bytes));
  const ascii = /^[ -~]*/.exec(utf8)?.[0] ?? '';
  add('ASCII', ascii);
  if (utf8 !== ascii) add('UTF-8', utf8);
  for (const [encoding, label] of [
    ['UTF-16', 'utf-16le'],
    ['UTF-16 be', 'utf-16be'],
  ] as const) {
    if (bytes.length < 2) continue;
    const letters = /^[ -\u052f]*/.exec(beginning(decoded(label, bytes)))?.[0] ?? '';
    add(encoding, letters);
  }
  return lines;
}
