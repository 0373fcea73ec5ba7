/** The Save dialog's fields, what they start as, and what they become. */
import type { Machine, MachineId } from '@shared/contracts/machines';
import type { SaveOptions, SaveOutlook } from '@shared/contracts/saves';
import { ram, size } from '../lib/format';

export type SaveForm = Omit<SaveOptions, 'machine' | 'name' | 'out'> & { readonly name: string };

/** A guest that runs is saved live and runs on; one that stands still is saved as it is. */
export function firstForm(machine: Machine, outlook: SaveOutlook): SaveForm {
  const running = machine.state === 'running';
  return {
    name: outlook.suggestedName,
    note: '',
    mode: running && outlook.liveBlocked === null ? 'live' : 'paused',
    channels: 2,
    directIo: outlook.directIoPossible,
    after: running ? 'run' : 'pause',
    engine: 'auto',
    flush: 'auto',
    releaseEarly: false,
    liveLimitSeconds: 120,
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
  return errors;
}

export const optionsOf = (machine: MachineId, form: SaveForm): SaveOptions => ({
  ...form,
  machine,
  name: form.name.trim(),
  note: form.note.trim(),
  out: null,
});

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
  auto: '“Saved” means it survives a power cut.',
  end: 'One flush when everything is written: the disk is busy once, at the end.',
  ranged: 'Written back while the channels run, so that the last flush is short.',
  direct: 'Past the page cache, so that there is little left to flush.',
  none: 'For a restore soon. The library says “not durable”.',
} as const satisfies Record<SaveOptions['flush'], string>;
