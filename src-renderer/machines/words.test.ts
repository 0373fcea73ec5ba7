import type { Machine, MachineFacts, MachineId } from '@shared/contracts/machines';
import type { JobId } from '@shared/contracts/saves';
import { describe, expect, test } from 'vitest';
import { fromCommandLine, fromDemo, fromForm, suggestName } from './forms';
import { commandLine, factLine, frameWords, historyLine, memoryFact, stateWords } from './words';

const plain = (text: string): string => text.replaceAll('\u00a0', ' ');
/** Local time: a day of the month is what a person's own calendar says. */
const at = (hours: number, minutes: number): string => new Date(2026, 10, 23, hours, minutes).toISOString();
const now = new Date(2026, 10, 23, 14, 0);
const machine = (over: Partial<Machine>): Machine => ({
  id: 'm' as MachineId,
  name: 'deb13-build',
  origin: 'started',
  state: 'running',
  pid: 1,
  qmp: null,
  toolsQmp: null,
  facts: {
    qemuVersion: '10.0.2',
    machineType: 'pc-q35-10.0',
    accelerator: 'kvm',
    cpuModel: null,
    cpus: 4,
    memoryBytes: 8 * 2 ** 30,
    hasDisplay: true,
    saveBlocked: null,
  },
  recipe: null,
  saving: null,
  frame: null,
  since: at(12, 0),
  lastSave: { snapshot: 'before-llvm-21', at: at(13, 48) },
  snapshotCount: 4,
  privateRam: null,
  trouble: null,
  ...over,
});

test('facts in one line; one CPU is not worth a word', () => {
  expect(plain(factLine(machine({})))).toBe('8.00 GiB, KVM, pc-q35-10.0, 4 CPUs');
  const { facts } = machine({});
  expect(plain(factLine(machine({ facts: facts && { ...facts, cpus: 1 } })))).toBe('8.00 GiB, KVM, pc-q35-10.0');
});

test.each<[MachineFacts['memory'] | 'absent', string, string | null]>([
  ['shared', '8.00 GiB, KVM, pc-q35-10.0, 4 CPUs, shared memory', 'shared: channels can copy it'],
  ['private', '8.00 GiB, KVM, pc-q35-10.0, 4 CPUs', 'private to QEMU: QEMU has to write it'],
  [null, '8.00 GiB, KVM, pc-q35-10.0, 4 CPUs', null],
  ['absent', '8.00 GiB, KVM, pc-q35-10.0, 4 CPUs', null],
])('memory that is %s: “%s” on the card, “%s” in the details', (memory, card, details) => {
  const { facts } = machine({});
  if (facts === null) throw new Error('it has facts');
  const known = memory === 'absent' || memory === undefined ? facts : { ...facts, memory };
  expect(plain(factLine(machine({ facts: known })))).toBe(card);
  expect(memoryFact(known)).toBe(details);
});

test.each<[Partial<Machine>, string]>([
  [{}, 'QEMU 10.0.2. Saved 12 min ago.'],
  [{ lastSave: null }, 'QEMU 10.0.2. Not saved yet.'],
  [{ state: 'paused' }, 'Paused 2 h ago. Saved 12 min ago.'],
  [{ state: 'stopped-after-save' }, 'Stopped since 2 h ago. Resume it before the next save.'],
  [{ state: 'off' }, '4 snapshots, newest before-llvm-21, 23 Nov.'],
  [{ state: 'off', lastSave: null, snapshotCount: 0 }, 'No snapshots.'],
])('%j: “%s”', (over, words) => expect(plain(historyLine(machine(over), now))).toBe(words));

test('a machine that is being saved says so, whatever its state', () =>
  expect(stateWords(machine({ saving: 'j' as JobId })).text).toBe('Saving'));

test.each<[Partial<Machine>, number | null, string]>([
  [{}, null, 'live'],
  [{}, 24.8, 'live, 25 frames/s'],
  [{}, 1, 'live, 1.0 frames/s'],
  [{ state: 'paused' }, null, 'paused frame'],
])('the picture of %j at %s frames a second is “%s”', (over, rate, words) =>
  expect(plain(frameWords(machine(over), null, rate, now))).toBe(words),
);

test('a command line reads as one types it', () =>
  expect(commandLine('/usr/bin/qemu-system-x86_64', ['-m', '2G', '-name', "it's mine", ''])).toBe(
    `qemu-system-x86_64 -m 2G -name 'it'\\''s mine' ''`,
  ));

describe('adding a machine', () => {
  test.each([
    ['qemu-system-x86_64 -name guest=deb13,debug-threads=on disk.qcow2', 'deb13'],
    ['qemu-system-x86_64 -m 2G /vm/trixie.qcow2', 'trixie'],
    ['/opt/bin/qemu-system-aarch64 -m 2G', 'qemu-system-aarch64'],
    ['', ''],
  ])('“%s” is called “%s”', (line, name) => expect(suggestName(line)).toBe(name));

  test('a command line needs no name of its own, but something to run', () => {
    expect(fromCommandLine('', ' qemu-system-x86_64 -m 2G ', '')).toEqual({
      kind: 'command-line',
      name: 'qemu-system-x86_64',
      commandLine: 'qemu-system-x86_64 -m 2G',
      cwd: null,
    });
    expect(fromCommandLine('a', '  ', '')).toBeNull();
  });

  test.each([
    [{}, true],
    [{ name: ' ' }, false],
    [{ memoryMiB: 0 }, false],
    [{ memoryMiB: Number.NaN }, false],
    [{ cpus: 1.5 }, false],
    [{ cpus: 256 }, false],
  ])('the short form with %j is complete: %s', (over, complete) => {
    const form = { name: 'a', memoryMiB: 1024, cpus: 1, accelerator: 'tcg', disk: null, cdrom: null, ...over } as const;
    expect(fromForm(form) !== null).toBe(complete);
  });

  test.each([
    [{}, true],
    [{ memoryMiB: 63 }, false],
    [{ dirtyMiB: 252 }, true],
    [{ dirtyMiB: 253 }, false],
    [{ memoryMiB: 4096, dirtyMiB: 2045 }, false],
    [{ dirtyMiBPerSecond: 0 }, true],
    [{ dirtyMiBPerSecond: 4097 }, false],
  ])('a demo with %j is possible: %s', (over, possible) =>
    expect(fromDemo({ memoryMiB: 256, dirtyMiB: 64, dirtyMiBPerSecond: 64, ...over }) !== null).toBe(possible),
  );
});
