/** Key bindings as data: what a view answers to, matched against keyboard events without touching the DOM's focus. */

export interface KeyBinding {
  /** `s`, `Space`, `Enter`, `F2`, `Delete`, `/`, `Ctrl+K`, `Alt+1`; as `KeyboardEvent.key` spells it, but for `Space`. */
  readonly keys: string;
  /** What it does, as two words for the footer. */
  readonly label: string;
  readonly run: (event: KeyboardEvent) => void;
  /** Shown in the footer; all are shown in the overlay. */
  readonly hint?: boolean;
}

/** The part of a KeyboardEvent that decides. */
export type Stroke = Pick<KeyboardEvent, 'key' | 'ctrlKey' | 'altKey' | 'metaKey' | 'shiftKey'>;

interface Chord {
  readonly key: string;
  readonly ctrl: boolean;
  readonly alt: boolean;
  readonly shift: boolean;
}

function chordOf(keys: string): Chord {
  const parts = keys.length === 1 ? [keys] : keys.split('+');
  const last = parts.at(-1) ?? '';
  const key = last === 'Space' ? ' ' : last;
  return {
    key: key.length === 1 ? key.toLowerCase() : key,
    ctrl: parts.includes('Ctrl'),
    alt: parts.includes('Alt'),
    shift: parts.includes('Shift'),
  };
}

/** Shift is part of typing `?` or `+`, so it only counts for letters and named keys. */
export function matches(keys: string, stroke: Stroke): boolean {
  const chord = chordOf(keys);
  const key = stroke.key.length === 1 ? stroke.key.toLowerCase() : stroke.key;
  if (key !== chord.key || stroke.metaKey || stroke.ctrlKey !== chord.ctrl || stroke.altKey !== chord.alt) return false;
  const shiftMatters = chord.key.length > 1 || /[a-z0-9 ]/.test(chord.key);
  return !shiftMatters || stroke.shiftKey === chord.shift;
}

/** A key that types a character: it may be switched off, and never acts while somebody types. */
export const isSingleKey = (keys: string): boolean => {
  const chord = chordOf(keys);
  return chord.key.length === 1 && !chord.ctrl && !chord.alt;
};

/** How a key is drawn: `Delete` is `Del`, letters are capitals. */
export const capOf = (keys: string): string =>
  keys
    .split(keys === '+' ? '\n' : '+')
    .map((part) => ({ Delete: 'Del', Escape: 'Esc' })[part] ?? (part.length === 1 ? part.toUpperCase() : part))
    .join('+');

const TYPES_TEXT = 'input:not([type=checkbox]):not([type=radio]), textarea, select, [contenteditable=true]';
const ACTS_ON_SPACE = 'button, a, summary, input, [role=menuitem], [role=option]';

/** Whether the element with the focus wants this key for itself. */
export function focusTakes(element: Element | null, keys: string): boolean {
  if (element === null) return false;
  if (element.matches(TYPES_TEXT)) return !/^(Ctrl|Alt|(Shift\+)?F\d)/.test(keys);
  return (keys === 'Space' || keys === 'Enter') && element.matches(ACTS_ON_SPACE);
}
