/**
 * Copying 2 GiB of RAM, of which 1 GiB is data: our channels as worker processes beside a C program that does the same from
 * the same kind of buffers, and beside what fio writes directly. Interleaved, medians.
 *
 * A save goes to the disk past the page cache, with digests, until fdatasync has returned; a load comes from tmpfs.
 */
import { randomBytes } from 'node:crypto';
import { mkdtemp, open, rm, writeFile } from 'node:fs/promises';
import { cpus } from 'node:os';
import { join } from 'node:path';
import { createChannelPool } from '../../src-main/workers/channel-pool';
import type { ChannelPool, Worker } from '../../src-main/services';
import { buildWorker, startProcessWorker } from '../support/services';
import { makeTempDir, removeTempDir } from '../support/temp';
import { loadOnce, saveOnce, type OurRun } from './channels/ours';
import { buildReference, missingPackages, runFio, runReference } from './channels/rivals';
import { printRows, printTargets, rateOf, secondsOf, type Measured, type Row, type Target } from './channels/table';

const MIB = 2 ** 20;
const RAM_BYTES = 2048 * MIB;
/** Data and zeros take turns, this long each. */
const STRETCH = 64 * MIB;
const DATA_BYTES = RAM_BYTES / 2;
const FIO_BLOCKS = [1, 4] as const;
const SAVES = [1, 2, 4] as const;
const LOADS = [1, 2] as const;

interface Bench {
  readonly pool: ChannelPool;
  readonly flusher: Worker;
  /** The C program. */
  readonly reference: string;
  /** On the disk. */
  readonly folder: string;
  /** In memory. */
  readonly shm: string;
  readonly ram: string;
  /** Mapped-ram file in memory, and the bits of its pages. */
  readonly image: string;
  readonly bits: string;
  readonly present: Uint8Array;
}

/** Runs it; answers the exit code: 1 when a target is missed, 2 when something that it needs is not there. */
export async function channelsBench(words: readonly string[]): Promise<number> {
  const repetitions = Number(words[0] ?? 5);
  const folder = await makeTempDir('sf-bench');
  const shm = await mkdtemp('/dev/shm/sf-bench-');
  const worker = await buildWorker();
  const start = (purpose: string): Promise<Worker> => startProcessWorker(worker.file, purpose);
  const pool = createChannelPool(start);
  try {
    const missing = await missingPackages(folder);
    if (missing.length > 0) {
      console.error(`Missing: ${missing.join(', ')}. apt-get install ${missing.join(' ')}`);
      return 2;
    }
    const flusher = await start('flushing');
    try {
      const reference = await buildReference(folder);
      const bench = await prepare({ pool, flusher, reference, folder, shm });
      return (await measure(bench, repetitions)) ? 0 : 1;
    } finally {
      flusher.stop();
      await flusher.ended;
    }
  } finally {
    await pool.dispose();
    await Promise.all([worker.remove(), removeTempDir(folder), rm(shm, { recursive: true })]);
  }
}

async function prepare(given: Pick<Bench, 'pool' | 'flusher' | 'reference' | 'folder' | 'shm'>): Promise<Bench> {
  const ram = join(given.shm, 'ram');
  const image = join(given.shm, 'image');
  const bits = join(given.folder, 'bits');
  const handle = await open(ram, 'wx');
  const data = randomBytes(MIB);
  const zeros = Buffer.alloc(MIB);
  for (let at = 0; at < RAM_BYTES; at += MIB) await handle.write((at / STRETCH) % 2 < 1 ? data : zeros, 0, MIB, at);
  await handle.close();
  const { present } = await saveOnce(given.pool, given.flusher, { ram, file: image, bytes: RAM_BYTES, channels: 2 });
  await writeFile(bits, present);
  return { ...given, ram, image, bits, present };
}

async function measure(bench: Bench, repetitions: number): Promise<boolean> {
  const row = (who: string, once: () => Promise<Measured>): Row => ({ who, measure: once, runs: [] });
  const saves = SAVES.map((channels) => row(`save, ${channels} channels: ours`, () => save(bench, channels)));
  const savesInC = SAVES.map((channels) => row(`save, ${channels} channels: C`, () => saveInC(bench, channels)));
  const fio = SAVES.flatMap((jobs) =>
    FIO_BLOCKS.map((mib) =>
      row(`write, ${jobs} jobs of ${mib} MiB: fio`, () =>
        runFio(join(bench.folder, 'fio'), DATA_BYTES, jobs, mib * MIB),
      ),
    ),
  );
  const loads = LOADS.map((channels) => row(`load, ${channels} channels: ours`, () => load(bench, channels)));
  const loadsInC = LOADS.map((channels) => row(`load, ${channels} channels: C`, () => loadInC(bench, channels)));
  const rows = [...saves, ...savesInC, ...fio, ...loads, ...loadsInC];
  // The first round warms the workers and the disk and does not count.
  for (let repetition = 0; repetition <= repetitions; repetition++) {
    for (const one of rows) {
      const measured = await one.measure();
      if (repetition > 0) one.runs.push(measured);
    }
  }
  console.log(`2 GiB of RAM, 1 GiB of it data, ${repetitions} repetitions, ${cpus().length} CPUs, medians`);
  printRows(rows);
  const ratio = (one: Row | undefined, other: Row | undefined): number =>
    one === undefined || other === undefined ? NaN : secondsOf(one) / secondsOf(other);
  const bestOfFio = Math.max(...fio.map(rateOf));
  const targets: Target[] = [
    ...saves.map((one, at) => ({ text: `${one.who} ÷ C`, ratio: ratio(one, savesInC[at]), atMost: 1.1 })),
    ...loads.map((one, at) => ({ text: `${one.who} ÷ C`, ratio: ratio(one, loadsInC[at]), atMost: 1.1 })),
    {
      text: 'save, MB/s of 4 channels ÷ best of fio',
      ratio: rateOf(saves[2] ?? { who: '', measure: () => save(bench, 4), runs: [] }) / bestOfFio,
      atLeast: 1.2,
    },
    { text: 'save, 1 ÷ 4 channels', ratio: ratio(saves[0], saves[2]), atLeast: 1.5 },
    { text: 'load, 1 ÷ 2 channels', ratio: ratio(loads[0], loads[1]), atLeast: 1.5 },
  ];
  return printTargets(targets);
}

async function save({ pool, flusher, folder, ram }: Bench, channels: number): Promise<Measured> {
  const run: OurRun = { ram, file: join(folder, 'ours'), bytes: RAM_BYTES, channels };
  const measured = await saveOnce(pool, flusher, run);
  await rm(run.file);
  return measured;
}

async function saveInC({ reference, folder, ram }: Bench, channels: number): Promise<Measured> {
  const file = join(folder, 'c');
  const run = { direction: 'save', ram, file, bytes: RAM_BYTES, channels, pages: '' } as const;
  const measured = await runReference(reference, run);
  await rm(file);
  return measured;
}

async function load({ pool, shm, image, present }: Bench, channels: number): Promise<Measured> {
  const run: OurRun = { ram: join(shm, 'loaded'), file: image, bytes: RAM_BYTES, channels };
  const measured = await loadOnce(pool, run, present);
  await rm(run.ram);
  return measured;
}

async function loadInC({ reference, shm, image, bits }: Bench, channels: number): Promise<Measured> {
  const ram = join(shm, 'loaded-by-c');
  const run = { direction: 'load', ram, file: image, bytes: RAM_BYTES, channels, pages: bits } as const;
  const measured = await runReference(reference, run);
  await rm(ram);
  return measured;
}
