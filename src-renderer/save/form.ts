/** The Save dialog's fields, what they start as, and what they become. */
import type { Machine, MachineId } from '@shared/contracts/machines';
import type { EngineName, SaveOptions, SaveOutlook } from '@shared/contracts/saves';
import { FLUSH_NAMES, clause, engineWords, ioWords, sentence } from '../lib/engine-words';
import { ram, rate, size } from '../lib/format';

export type SaveForm = Omit<SaveOptions, 'machine' | 'name' | 'out'> & { readonly name: string };

/** A guest that runs is saved live and runs on; one that stands still is saved as it is. */
export function firstForm(machine: Machine, outlook: SaveOutlook): SaveForm {
  const running = machine.state === 'running';
  return {
    name: outlook.suggestedName,
    note: '',
    mode: running && whyNotLive(outlook) === null ? 'live' : 'paused',
    channels: 2,
    directIo: true,
    after: running ? 'run' : 'pause',
    engine: 'auto',
    flush: 'auto',
    releaseEarly: false,
    liveLimitSeconds: 120,
    rateLimit: null,
  };
}

/** What is wrong with the fields, by field; empty when nothing is. */
export function fieldErrors(form: SaveForm): Partial<Record<keyof SaveForm, string>> {
  const errors: Partial<Record<keyof SaveForm, string>> = {};
  if (form.name.trim() === '') errors.name = 'A snapshot has a name.';
  if (!Number.isInteger(form.channels) || form.channels < 1 || form.channels > 16) {
    errors.channels = '1 to 16 channels.';
  }
  if (form.mode === 'live' && (!Number.isInteger(form.liveLimitSeconds) || form.liveLimitSeconds < 1)) {
    errors.liveLimitSeconds = 'A whole number of seconds.';
  }
  if (form.rateLimit !== null && !(Number.isInteger(form.rateLimit) && form.rateLimit > 0)) {
    errors.rateLimit = 'A whole number of MB/s, or nothing.';
  }
  return errors;
}

export const optionsOf = (machine: MachineId, form: SaveForm, outlook: SaveOutlook): SaveOptions => ({
  ...form,
  machine,
  name: form.name.trim(),
  note: form.note.trim(),
  engine: chosenEngine(form, outlook),
  flush: chosenFlush(form, outlook),
  directIo: form.directIo && whyBuffered(form, outlook) === null,
  releaseEarly: form.releaseEarly && canReleaseEarly(form),
  out: null,
});

/** Why an engine cannot save this guest in this mode; null when it can, or when main does not tell. */
export const engineBlocked = (outlook: SaveOutlook, engine: EngineName, mode: SaveOptions['mode']): string | null =>
  outlook.engines.find((one) => one.engine === engine)?.blocked[mode] ?? null;

/** The choice that counts: one that cannot save in this mode gives way to `auto`, and is back when the mode is. */
export function chosenEngine({ engine, mode }: SaveForm, outlook: SaveOutlook): SaveOptions['engine'] {
  return engine === 'auto' || engineBlocked(outlook, engine, mode) === null ? engine : 'auto';
}

/** The engine that will write; null when none can. */
export function engineOf(form: SaveForm, outlook: SaveOutlook): EngineName | null {
  const chosen = chosenEngine(form, outlook);
  return chosen === 'auto' ? (outlook.auto[form.mode]?.engine ?? null) : chosen;
}

/** Why this guest cannot be saved while it runs, as a sentence without its full stop; null when it can. */
export const whyNotLive = (outlook: SaveOutlook): string | null =>
  outlook.liveBlocked ?? (outlook.auto.live === null ? 'No engine can save this VM while it runs' : null);

/** Why this save goes through the page cache whatever is wished; null when it need not. */
export function whyBuffered(form: SaveForm, outlook: SaveOutlook): string | null {
  const engine = engineOf(form, outlook);
  if (engine === 'ingest') return 'A stream is laid out through the page cache.';
  if (engine !== 'native' || outlook.directIoPossible) return null;
  return 'This QEMU has no direct I/O for saves. Saving buffered; expect more page cache in use.';
}

/** The policy that counts: past the cache is none of the choices of a save that goes through it. */
export const chosenFlush = (form: SaveForm, outlook: SaveOutlook): SaveOptions['flush'] =>
  form.flush === 'direct' && whyBuffered(form, outlook) !== null ? 'auto' : form.flush;

/** QEMU can only be let go before a flush when it is to end, and when there is a flush. */
export const canReleaseEarly = ({ after, flush }: SaveForm): boolean => after === 'quit' && flush !== 'none';

/** A change of one field with what follows from it: `direct` is direct I/O, so neither goes without the other. */
export function changed(form: SaveForm, part: Partial<SaveForm>): SaveForm {
  const next = { ...form, ...part };
  if (part.flush === 'direct') return { ...next, directIo: true };
  return part.directIo === false && next.flush === 'direct' ? { ...next, flush: 'auto' } : next;
}

/** What `auto` takes and why, as one sentence. */
export function autoHint(outlook: SaveOutlook, mode: SaveOptions['mode']): string {
  const choice = outlook.auto[mode];
  return choice === null ? 'No engine can save this VM so.' : `Takes ${choice.engine}: ${clause(choice.why)}.`;
}

/** The closed part in one line: "Auto takes channels, 2, direct I/O. Flush: auto." */
export function planSummary(form: SaveForm, outlook: SaveOutlook): string {
  const engine = engineOf(form, outlook);
  const { channels, rateLimit } = fieldErrors(form);
  const wrong = channels ?? rateLimit;
  if (wrong !== undefined) return wrong;
  if (engine === null) return 'No engine can save this VM so.';
  const how = `${engineWords(engine, form.channels)}, ${ioWords(form.directIo && whyBuffered(form, outlook) === null)}`;
  const who = chosenEngine(form, outlook) === 'auto' ? `Auto takes ${how}.` : sentence(how);
  const limit = form.rateLimit === null ? '' : ` At most ${rate(form.rateLimit)}.`;
  return `${who} Flush: ${FLUSH_NAMES[chosenFlush(form, outlook)].toLowerCase()}.${limit}`;
}

/** Whether the disks can go on changing after this save, so that they no longer match it. */
export const disksGoOn = (outlook: SaveOutlook, after: SaveOptions['after']): boolean =>
  outlook.writableDisks.length > 0 && after !== 'quit';

/** Why this cannot be saved now, beyond what QEMU says; null when it can. */
export function spaceProblem({ freeBytes, fileBytesAtMost }: SaveOutlook, mode: SaveOptions['mode']): string | null {
  const atMost = fileBytesAtMost[mode];
  if (freeBytes >= atMost) return null;
  return `${size(freeBytes)} are free in the library, and the file may grow to ${ram(atMost)}.`;
}

export const LIVE_WORDS = {
  live: 'The guest runs while its memory is written, and stops for the last few pages. If the guest dirties memory faster than it is written, or at the time limit, the save is finished with the guest paused.',
  paused: 'The guest stops first. Every page is written once: the shortest save, the longest pause.',
} as const satisfies Record<SaveOptions['mode'], string>;

export const AFTER_HINTS = {
  run: 'The guest runs on when the save is done.',
  pause: 'The guest stands still. QEMU refuses another save until it is resumed.',
  quit: 'QEMU ends once the snapshot is sealed; a save that fails leaves it be.',
} as const satisfies Record<SaveOptions['after'], string>;

export const FLUSH_HINTS = {
  auto: 'Past the cache where the file system lets it, else while it writes.',
  end: 'One flush when everything is written. The disk is busy once, at the end.',
  ranged: 'Written back range by range, so that the last flush is short.',
  direct: 'With direct I/O hardly anything is left to flush.',
  none: 'For a restore soon. The library says “not durable”.',
} as const satisfies Record<SaveOptions['flush'], string>;

export const CHANNEL_HINTS = {
  native: 'Threads of QEMU that write at once, each to its own place in the file. 1 to 16.',
  channels: 'Workers that copy at once, each to its own place in the file. 1 to 16.',
  ingest: 'Not used: a stream is read in its order, by one worker.',
} as const satisfies Record<EngineName, string>;

export const RELEASE_RISK =
  'Its memory is free at once. If the machine loses power before the flush is over, both the VM and the snapshot are lost.';
