/** What the library says about a snapshot. */
import type { LoadOutlook, Manifest, RestoreOptions, SnapshotEntry } from '@shared/contracts/library';
import { clause, engineWords, ioWords, LOAD_ENGINE_HINTS, sentence } from '../lib/engine-words';
import { ago, counted, moment, ram, ramParts } from '../lib/format';

export type VerdictIcon = 'shield' | 'info' | 'half' | 'crossed';

export interface Verdict {
  readonly text: string;
  readonly tone: 'ok' | 'warn' | 'bad' | 'plain';
  readonly icon: VerdictIcon;
}

export function verdictOf({ state }: SnapshotEntry): Verdict {
  switch (state.kind) {
    case 'good':
      return state.durable
        ? { text: 'Good', tone: 'ok', icon: 'shield' }
        : { text: 'Not durable', tone: 'plain', icon: 'info' };
    case 'imported':
      return { text: 'Imported', tone: 'plain', icon: 'info' };
    case 'interrupted':
      return { text: 'Interrupted', tone: 'warn', icon: 'half' };
    case 'damaged':
      return { text: 'Damaged', tone: 'bad', icon: 'crossed' };
  }
}

/** "22 Nov 09:02, live, 4 channels" · "22 Nov 09:02, paused, channels, 4, digests" */
export function howLine({ savedAt, manifest }: SnapshotEntry, now: Date): string {
  const parts = [savedAt === null ? 'date unknown' : moment(savedAt, now)];
  if (manifest !== null) {
    parts.push(manifest.mode === 'live' && manifest.finishedPaused === null ? 'live' : 'paused');
    const { engine, channels, digests } = manifest;
    parts.push(engine === 'native' ? counted(channels, 'channel') : engineWords(engine, channels));
    if (digests !== null) parts.push('digests');
  }
  return parts.join(', ');
}

/** "channels, 4, direct I/O" */
export const engineFact = ({ engine, channels, directIo }: Manifest): string =>
  `${engineWords(engine, channels)}, ${ioWords(directIo)}`;

/** "XXH3-64 per 1.00 MiB" */
export const digestsFact = ({ digests }: Manifest): string =>
  digests === null ? 'none' : `${digests.algorithm.toUpperCase()} per ${ram(digests.unitBytes)}`;

/** The engine that a restore takes: one that cannot load this snapshot gives way to `auto`. */
export const chosenLoad = (
  load: LoadOutlook | undefined,
  wanted: RestoreOptions['engine'],
): RestoreOptions['engine'] =>
  load?.engines.find(({ engine }) => engine === wanted)?.blocked === null ? wanted : 'auto';

/** "Auto takes native: QEMU reads the file itself." */
export function loadSummary({ auto }: LoadOutlook, chosen: RestoreOptions['engine']): string {
  if (chosen !== 'auto') return `${sentence(chosen)} ${LOAD_ENGINE_HINTS[chosen]}`;
  return auto === null ? 'No engine can load it here.' : `Auto takes ${auto.engine}: ${clause(auto.why)}.`;
}

/** Why it is no good, else the note. */
export const noteLine = ({ state, note }: SnapshotEntry): string => ('why' in state ? state.why : note);

/** "saved 21 h ago"; of a file that we did not seal, only when it was written is known. */
export function ageLine({ savedAt, manifest }: SnapshotEntry, now: Date): string {
  if (savedAt === null) return '';
  return `${manifest === null ? 'written' : 'saved'} ${ago(savedAt, now)}`;
}

/** On disk, in the unit of the RAM beside it: `1.14` of `2.00 GiB`. */
export function onDisk({ bytesOnDisk, ramBytes }: SnapshotEntry): {
  readonly value: string;
  readonly of: string;
  readonly fraction: number | null;
} {
  if (ramBytes === null || ramBytes === 0) return { value: ram(bytesOnDisk), of: '', fraction: null };
  const all = ramParts(ramBytes);
  const own = ramParts(bytesOnDisk);
  const value = own.unit === all.unit ? own.value : `${own.value}\u00a0${own.unit}`;
  return { value, of: ` of ${all.value}\u00a0${all.unit}`, fraction: Math.min(1, bytesOnDisk / ramBytes) };
}

/** "6 snapshots, 8.76 GiB on disk for 16.0 GiB of RAM" */
export function libraryLine(entries: readonly SnapshotEntry[]): string {
  if (entries.length === 0) return 'empty';
  const disk = entries.reduce((sum, { bytesOnDisk }) => sum + bytesOnDisk, 0);
  const memory = entries.reduce((sum, { ramBytes }) => sum + (ramBytes ?? 0), 0);
  return `${counted(entries.length, 'snapshot')}, ${ram(disk)} on disk for ${ram(memory)} of RAM`;
}
