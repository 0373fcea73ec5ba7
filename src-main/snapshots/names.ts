/** Names of snapshots: what a folder may be called, and what an unnamed save is called. */
import { randomBytes } from 'node:crypto';
import { fail } from '@shared/contracts/failure';

/** A file name may have 255 bytes; the rest is left for " (2)" and for temporary names. */
const MAX_NAME_BYTES = 200;

/** Folders with this prefix belong to a save that is under way, or to one that was interrupted. */
export const SAVING_PREFIX = '.saving-';

/** A new name of that kind: `.saving-7f3a09c1`. */
export const unfinishedName = (): string => `${SAVING_PREFIX}${randomBytes(4).toString('hex')}`;

/**
 * What is wrong with a name, as a sentence without its full stop; null when nothing is.
 *
 * A name becomes a folder name and is shown in lists, so everything that could escape the library (separators, dots),
 * hide the folder, or draw something else than it is (control and bidirectional characters) is refused.
 */
function whatIsWrongWith(name: string): string | null {
  if (name.length === 0) return 'The name is empty';
  if (name !== name.trim()) return 'The name begins or ends with a space';
  if (Buffer.byteLength(name) > MAX_NAME_BYTES) return `The name is longer than ${String(MAX_NAME_BYTES)} bytes`;
  if (/\p{Cs}/u.test(name)) return 'The name is not valid Unicode';
  if (/[/\\]/.test(name)) return 'The name contains a slash';
  if (name.startsWith('.')) return 'The name begins with a dot';
  if (/[\p{Cc}\p{Cf}\p{Cn}\p{Co}\p{Zl}\p{Zp}]/u.test(name)) return 'The name contains a character that cannot be seen';
  return null;
}

/** A name as it is used and compared (Unicode NFC). Throws `library.bad-name`. */
export function checkName(name: string): string {
  const wrong = whatIsWrongWith(name);
  if (wrong === null) return name.normalize('NFC');
  throw fail('library.bad-name', 'naming the snapshot', wrong, 'Choose another name.', { where: { field: 'name' } });
}

/** Whether a folder of this name may stand in the library as a snapshot. */
export const isPossibleName = (name: string): boolean => whatIsWrongWith(name) === null;

/** Any text as a legal name: what is not allowed becomes a dash. */
function legalised(text: string): string {
  const clean = text
    .normalize('NFC')
    .replace(/[/\\\p{C}\p{Zl}\p{Zp}]+/gu, '-')
    .replace(/^[.\s]+/, '');
  let short = clean;
  while (Buffer.byteLength(short) > MAX_NAME_BYTES - 40) short = Array.from(short).slice(0, -1).join('');
  short = short.trim();
  return short === '' ? 'snapshot' : short;
}

const two = (value: number): string => String(value).padStart(2, '0');

/** `demo 2026-11-23 14.05.09`, local time: what a save is called when the person names it nothing. */
export function suggestName(machineName: string, at: Date, isTaken: (name: string) => boolean): string {
  const day = `${String(at.getFullYear())}-${two(at.getMonth() + 1)}-${two(at.getDate())}`;
  const time = `${two(at.getHours())}.${two(at.getMinutes())}.${two(at.getSeconds())}`;
  return nextFree(`${legalised(machineName)} ${day} ${time}`, isTaken);
}

/** The name itself, or the first of `name (2)`, `name (3)` … that is free. */
export function nextFree(name: string, isTaken: (name: string) => boolean): string {
  for (let count = 1; ; count += 1) {
    const candidate = count === 1 ? name : `${name} (${String(count)})`;
    if (!isTaken(candidate)) return candidate;
  }
}
