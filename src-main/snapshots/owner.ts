/**
 * Who is writing a `.saving-*` folder. A process number alone would not do, since it is used again: the process's start
 * time and the boot are kept beside it.
 */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import * as v from 'valibot';
import * as proc from '../qemu/proc';
import { writeNew } from './durable';
import { readSmallFile } from '../files/small-file';

export const OWNER_FILE = 'owner.json';
const MAX_OWNER_BYTES = 16 * 1024;

const ownerSchema = v.object({
  pid: v.pipe(v.number(), v.safeInteger(), v.minValue(1)),
  startTicks: v.pipe(v.number(), v.safeInteger()),
  boot: v.string(),
  machineName: v.string(),
  snapshotName: v.string(),
  startedAt: v.string(),
});
export type Owner = v.InferOutput<typeof ownerSchema>;

async function boot(): Promise<string> {
  return (await readFile('/proc/sys/kernel/random/boot_id', 'utf8')).trim();
}

/** Marks a folder as being written by this process. */
export async function writeOwner(
  folder: string,
  about: Pick<Owner, 'machineName' | 'snapshotName' | 'startedAt'>,
): Promise<void> {
  const self = await proc.identify(process.pid);
  const owner: Owner = { pid: process.pid, startTicks: self?.startTicks ?? 0, boot: await boot(), ...about };
  await writeNew(join(folder, OWNER_FILE), JSON.stringify(owner), false);
}

/** Reads the mark; null when there is none or it cannot be read. */
export async function readOwner(folder: string): Promise<Owner | null> {
  try {
    const text = await readSmallFile(join(folder, OWNER_FILE), MAX_OWNER_BYTES);
    const parsed = v.safeParse(ownerSchema, JSON.parse(text ?? 'null'));
    return parsed.success ? parsed.output : null;
  } catch {
    return null;
  }
}

/** Whether the process that wrote the mark still runs. */
export async function isAlive(owner: Owner): Promise<boolean> {
  return owner.boot === (await boot()) && (await proc.isAlive(owner));
}
