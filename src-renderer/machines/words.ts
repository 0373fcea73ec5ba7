/** What a card says about a machine. */
import type { Machine, MachineFacts, MachineState } from '@shared/contracts/machines';
import type { SaveJob } from '@shared/contracts/saves';
import { ago, counted, day, moment, ram } from '../lib/format';

export type StateTone = 'ok' | 'warn' | 'bad' | 'info' | 'quiet';
export type StateIcon = 'play' | 'pause' | 'power' | 'save' | 'lost' | 'starting';

export interface StateWords {
  readonly text: string;
  readonly tone: StateTone;
  readonly icon: StateIcon;
}

const STATES: Readonly<Record<MachineState, StateWords>> = {
  running: { text: 'Running', tone: 'ok', icon: 'play' },
  paused: { text: 'Paused', tone: 'warn', icon: 'pause' },
  'stopped-after-save': { text: 'Stopped after save', tone: 'warn', icon: 'pause' },
  starting: { text: 'Starting', tone: 'info', icon: 'starting' },
  off: { text: 'Off', tone: 'quiet', icon: 'power' },
  lost: { text: 'Not answering', tone: 'bad', icon: 'lost' },
};

export const stateWords = (machine: Machine): StateWords =>
  machine.saving === null ? STATES[machine.state] : { text: 'Saving', tone: 'info', icon: 'save' };

const accelerators: Readonly<Record<MachineFacts['accelerator'], string>> = {
  tcg: 'TCG',
  kvm: 'KVM',
  other: 'other accelerator',
};

/** "8.00 GiB, KVM, pc-q35-10.0, 4 CPUs, shared memory"; before QEMU told, the command line. */
export function factLine({ facts, recipe }: Machine): string {
  if (facts !== null) {
    const cpus = facts.cpus > 1 ? [counted(facts.cpus, 'CPU')] : [];
    const shared = facts.memory === 'shared' ? ['shared memory'] : [];
    const { memoryBytes, accelerator, machineType } = facts;
    return [ram(memoryBytes), accelerators[accelerator], machineType, ...cpus, ...shared].join(', ');
  }
  return recipe === null ? 'Nothing is known of it yet' : commandLine(recipe.program, recipe.argv);
}

/** What its memory means for a save; null when nobody knows. */
export function memoryFact({ memory }: MachineFacts): string | null {
  if (memory === 'shared') return 'shared: channels can copy it';
  return memory === 'private' ? 'private to QEMU: QEMU has to write it' : null;
}

/** A command line as a person would type it, for reading and copying. */
export const commandLine = (program: string, argv: readonly string[]): string =>
  [program.split('/').at(-1) ?? program, ...argv.map(quoted)].join(' ');

const quoted = (word: string): string => (/^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`);

/** The second line: how long it has been so, and when it was last saved. */
export function historyLine(machine: Machine, now: Date): string {
  const { state, facts, lastSave, snapshotCount, since } = machine;
  const saved = lastSave === null ? 'Not saved yet.' : `Saved ${ago(lastSave.at, now)}.`;
  switch (state) {
    case 'running':
      return facts === null ? saved : `QEMU ${facts.qemuVersion}. ${saved}`;
    case 'paused':
      return `Paused ${ago(since, now)}. ${saved}`;
    case 'stopped-after-save':
      return `Stopped since ${ago(since, now)}. Resume it before the next save.`;
    case 'starting':
      return `QEMU starts, ${ago(since, now)}.`;
    case 'lost':
      return machine.trouble === null ? 'Its monitor does not answer.' : `${machine.trouble.what}.`;
    case 'off': {
      if (lastSave === null || snapshotCount === 0) return 'No snapshots.';
      return `${counted(snapshotCount, 'snapshot')}, newest ${lastSave.snapshot}, ${day(lastSave.at, now)}.`;
    }
  }
}

const GUEST_WORDS: Readonly<Record<SaveJob['progress']['guest'], string>> = {
  running: 'Guest keeps running',
  paused: 'Guest is paused',
  ended: 'QEMU is released',
};

/** What the picture on a card is; `rate` in frames a second, null while unknown. */
export function frameWords(machine: Machine, job: SaveJob | null, rate: number | null, now: Date): string {
  if (job !== null) return GUEST_WORDS[job.progress.guest];
  switch (machine.state) {
    case 'running':
      return rate === null ? 'live' : `live, ${rateWords(rate)}`;
    case 'paused':
    case 'stopped-after-save':
      return 'paused frame';
    case 'starting':
      return 'starting';
    case 'lost':
    case 'off':
      return machine.frame === null ? 'no picture' : `last frame, ${moment(machine.frame.at, now)}`;
  }
}

const rateWords = (rate: number): string =>
  rate >= 1.5 ? counted(Math.round(rate), 'frame/s', 'frames/s') : `${rate.toFixed(1)}\u00a0frames/s`;

/** "2 known, 1 running" */
export function countWords(machines: readonly Machine[]): string {
  const running = machines.filter(({ state }) => state === 'running').length;
  return `${machines.length} known, ${running} running`;
}

/** Name, type, accelerator: what the filter looks in. */
export const searchText = (machine: Machine): string =>
  `${machine.name} ${factLine(machine)} ${stateWords(machine).text}`.toLowerCase();
