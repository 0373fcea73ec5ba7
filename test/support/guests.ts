/** Guests that know whether their memory is whole: what restores are judged with. */
import { join, resolve } from 'node:path';
import { expect } from 'vitest';
import { demoRecipe } from '../../src-main/machines/demo';
import { demoIsFull, expectDemoRunsOn, expectDemoWhole } from './demo-guest';
import { linuxArgv, linuxGuest } from './linux-guest';
import type { Qmp } from './same-memory';
import { SerialConsole } from './serial-console';
import { sharedMemory } from './shared-memory';

const resources = resolve(import.meta.dirname, '../../resources');

export interface Guest {
  readonly name: string;
  /** A command line of its own for each VM; `vm` names it. */
  readonly argv: (vm: string) => readonly string[];
  /** Resolves when the guest has filled its memory. */
  readonly up: (vm: Qmp, name: string) => Promise<unknown>;
  /** Lets a stopped VM run; what the guest itself says of its memory then must be right. */
  readonly runsOn: (vm: Qmp, name: string) => Promise<unknown>;
}

/** The guests of one test file. */
export interface Guests {
  readonly tight: Guest;
  readonly numa: Guest;
  readonly linux: Guest;
}

/** `folder`: of the test, for sockets and dumps. The Linux guest is built of apt packages where it is not yet. */
export async function makeGuests(folder: string): Promise<Guests> {
  const linux = await linuxGuest();
  const demo = { up: (vm: Qmp) => demoIsFull(vm, folder), runsOn: (vm: Qmp) => demoRunsOn(vm, folder) };
  const serialOf = (name: string): string => join(folder, `${name}.serial`);
  return {
    tight: { name: 'the demo guest in a tight loop', argv: tightArgv, ...demo },
    numa: {
      name: 'the demo guest on 2 NUMA nodes',
      argv: () => [...tightArgv(), ...sharedMemory([32, 32])],
      ...demo,
    },
    linux: {
      name: 'the Linux guest',
      argv: (name) => linuxArgv(linux, { serial: serialOf(name) }),
      up: (_, name) => onConsole(serialOf(name), (console) => console.ready()),
      runsOn: async (vm, name) => {
        await vm.qmp('cont');
        await onConsole(serialOf(name), async (console) => {
          const first = await console.check();
          expect(first).toMatchObject({ sha256: linux.sha256, bad: 0 });
          expect((await console.check()).round).toBeGreaterThan(first.round);
        });
      },
    },
  };
}

/** 64 MiB, of which the guest writes 60 over and over as fast as it can. */
export const tightArgv = (): readonly string[] =>
  demoRecipe({ resources, memoryMiB: 64, dirtyMiB: 60, dirtyMiBPerSecond: 0 }).argv;

async function demoRunsOn(vm: Qmp, folder: string): Promise<void> {
  await expectDemoWhole(vm, folder);
  await vm.qmp('cont');
  await expectDemoRunsOn(vm, folder);
}

async function onConsole<T>(serial: string, use: (console: SerialConsole) => Promise<T>): Promise<T> {
  const console = await SerialConsole.open(serial);
  try {
    return await use(console);
  } finally {
    console.close();
  }
}
