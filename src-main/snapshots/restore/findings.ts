/** The findings of a preflight, in the words a person reads. */
import type { Finding, FindingCode } from '@shared/contracts/library';

const make = (level: Finding['level'], code: FindingCode, text: string, key: string = code): Finding => ({
  code,
  level,
  text,
  acceptText: null,
  key,
});

export const ok = (code: FindingCode, text: string, key?: string): Finding => make('ok', code, text, key);
export const note = (code: FindingCode, text: string, key?: string): Finding => make('note', code, text, key);
export const stop = (code: FindingCode, text: string, key?: string): Finding => make('stop', code, text, key);

/** Restored only when the person ticks the box that says `acceptText`. */
export const askFirst = (code: FindingCode, text: string, acceptText: string, key?: string): Finding => ({
  ...make('ask', code, text, key),
  acceptText,
});
