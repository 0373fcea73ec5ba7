/**
 * A paused save from `stop` to the return of fdatasync: the channels engine with direct I/O and digests, as the command line
 * runs it, beside QEMU's own multifd with direct I/O at 1, 2 and 4 channels. Interleaved; medians.
 */
import { execFile } from 'node:child_process';
import { open, rm } from 'node:fs/promises';
import { cpus } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { demoLayout, demoRecipe } from '../../src-main/machines/demo';
import type { Qmp } from '../../src-main/services';
import type { Machine, Recipe } from '../../src-shared/contracts/machines';
import { readGuestMemory } from '../support/guest-memory';
import {
  buildWorker,
  openTestServices,
  RESOURCES,
  saveAndWait,
  saveOptions,
  startMachine,
  type TestServices,
} from '../support/services';
import { makeTempDir, removeTempDir } from '../support/temp';

const DIRTY_MIB = 1024;
const CHANNELS = 4;
const QEMU_CHANNELS = [1, 2, 4] as const;
const MOST_OF_QEMU = 1.0;
const MOST_OF_SMALL = 1.3;

interface Row {
  readonly who: string;
  readonly seconds: number[];
  readonly bytes: number[];
}

/** When a save of the services passed the steps that bound the measured time, in milliseconds. */
interface Marks {
  began: number;
  flushed: number;
}

/** Runs it; answers the exit code: 1 when a ratio is above its limit. */
export async function pausedSaveBench(words: readonly string[]): Promise<number> {
  const repetitions = Number(words[0] ?? 5);
  const folder = await makeTempDir();
  const worker = await buildWorker();
  const marks: Marks = { began: 0, flushed: 0 };
  const services = await openTestServices({
    folder,
    worker,
    saveHooks: {
      onPhase: (phase, step) => {
        if (phase === 'writing' && step === 'starting') marks.began = performance.now();
        if (phase === 'sealing' && step === 'writing the manifest') marks.flushed = performance.now();
      },
    },
  });
  try {
    const small = await startGuest(services, 'channels', 2048);
    const large = await startGuest(services, 'sparse', 16_384);
    // One of its own: QEMU reads all of its memory when it saves, and a hole of shared memory that is read becomes a page.
    const other = await startGuest(services, 'qemu', 2048);
    const ours = row(`channels, ${CHANNELS}, direct, digests`);
    const sparse = row(`the same, guest of 16 GiB`);
    const qemu = QEMU_CHANNELS.map((channels) => ({ channels, ...row(`QEMU multifd, ${channels}, direct`) }));
    for (let repetition = 0; repetition <= repetitions; repetition++) {
      // The first round warms the workers and the disk and is not counted.
      const counted = repetition > 0;
      await saveOurs(services, small, marks, counted ? ours : row(''));
      for (const one of qemu) await saveNative(services, other, folder, one.channels, counted ? one : row(''));
      await saveOurs(services, large, marks, counted ? sparse : row(''));
    }
    const best = qemu.reduce((a, b) => (median(a.seconds) <= median(b.seconds) ? a : b));
    console.log(`guest 2 GiB, ${DIRTY_MIB} MiB dirty, ${repetitions} repetitions, ${cpus().length} CPUs, medians`);
    console.table(
      [ours, sparse, ...qemu].map(({ who, seconds, bytes }) => ({
        who,
        seconds: round(median(seconds)),
        least: round(Math.min(...seconds)),
        most: round(Math.max(...seconds)),
        'MB/s': Math.round(median(bytes) / median(seconds) / 1e6),
      })),
    );
    const toQemu = median(ours.seconds) / median(best.seconds);
    const toSmall = median(sparse.seconds) / median(ours.seconds);
    console.log(`channels ÷ ${best.who}: ${round(toQemu)} (at most ${MOST_OF_QEMU})`);
    console.log(`16 GiB ÷ 2 GiB, same data: ${round(toSmall)} (at most ${MOST_OF_SMALL})`);
    return toQemu <= MOST_OF_QEMU && toSmall <= MOST_OF_SMALL ? 0 : 1;
  } finally {
    await services.end();
    await Promise.all([worker.remove(), removeTempDir(folder)]);
  }
}

const row = (who: string): Row => ({ who, seconds: [], bytes: [] });
const round = (value: number): number => Math.round(value * 1000) / 1000;
const median = (values: readonly number[]): number => [...values].sort((a, b) => a - b)[values.length >> 1] ?? NaN;

/** The demo guest in a VM of `memoryMiB`: it knows of 2 GiB at most, so the rest is never touched. */
async function startGuest(services: TestServices, name: string, memoryMiB: number): Promise<Machine> {
  const demo = demoRecipe({ resources: RESOURCES, memoryMiB: 2048, dirtyMiB: DIRTY_MIB, dirtyMiBPerSecond: 0 });
  const recipe: Recipe = {
    ...demo,
    name: `bench-${name}`,
    argv: demo.argv.map((word) => (word === '2048M' ? `${memoryMiB}M` : word)),
  };
  const machine = await startMachine(services, { kind: 'recipe', recipe });
  const passes = async (): Promise<number> =>
    (await readGuestMemory(machine.toolsQmp ?? '', demoLayout.pass, 4)).readUInt32LE();
  while ((await passes()) === 0) await sleep(100);
  // A guest that goes on running would take a CPU from whatever is measured next.
  await services.machines.pause(machine.id);
  return machine;
}

/** What the file system still does for a file that was removed would be taken for work of the next save. */
async function settle(): Promise<void> {
  await promisify(execFile)('sync');
  await sleep(300);
}

/** `stop` counts: the guest runs for a moment before each save, and stands still again after it. */
async function letRun(services: TestServices, { id }: Machine): Promise<void> {
  await services.machines.resume(id);
  await sleep(300);
}

async function saveOurs(services: TestServices, machine: Machine, marks: Marks, into: Row): Promise<void> {
  await letRun(services, machine);
  const { outcome } = await saveAndWait(
    services,
    saveOptions(machine.id, { engine: 'channels', channels: CHANNELS, directIo: true, after: 'run' }),
  );
  await services.machines.pause(machine.id);
  if (outcome?.kind !== 'saved') throw new Error(JSON.stringify(outcome));
  if (outcome.result.engine !== 'channels' || !outcome.result.directIo) throw new Error('another engine saved');
  const [entry] = (await services.library.overview()).entries;
  if (entry?.manifest?.digests == null) throw new Error('no digests were taken');
  await rm(entry.folder, { recursive: true });
  await settle();
  into.seconds.push((marks.flushed - marks.began) / 1000);
  into.bytes.push(outcome.result.bytesWritten);
}

async function saveNative(
  services: TestServices,
  machine: Machine,
  folder: string,
  channels: number,
  into: Row,
): Promise<void> {
  await letRun(services, machine);
  const qmp = await services.machines.qmp(machine.id);
  const file = join(folder, 'native.mapped');
  const capabilities = (state: boolean) =>
    qmp.execute('migrate-set-capabilities', {
      capabilities: ['mapped-ram', 'multifd', 'events'].map((capability) => ({ capability, state })),
    });
  await qmp.execute('migrate-set-parameters', {
    'max-bandwidth': 0,
    'multifd-channels': channels,
    'direct-io': true,
    'downtime-limit': 1,
  });
  await capabilities(true);
  const begun = performance.now();
  await qmp.execute('stop');
  const ended = endOfMigration(qmp);
  await qmp.execute('migrate', { uri: `file:${file}` });
  await ended;
  const handle = await open(file, 'r+');
  await handle.datasync();
  into.seconds.push((performance.now() - begun) / 1000);
  const { blocks } = await handle.stat();
  await handle.close();
  into.bytes.push(blocks * 512);
  await rm(file);
  await settle();
  await capabilities(false);
  await qmp.execute('migrate-set-parameters', { 'direct-io': false, 'downtime-limit': 300 });
  await qmp.execute('cont');
  await qmp.execute('stop');
}

/** Resolves at once when QEMU says so: nothing is lost to asking. */
function endOfMigration(qmp: Qmp): Promise<void> {
  return new Promise((resolve, reject) => {
    const stop = qmp.onEvent(({ event, data }) => {
      if (event !== 'MIGRATION') return;
      if (data['status'] === 'completed') {
        stop();
        resolve();
      } else if (data['status'] === 'failed') {
        stop();
        reject(new Error('QEMU could not save'));
      }
    });
  });
}
