/** What has to be recorded while the guest stands still, because it changes as soon as it runs again. */
import { readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { DiskIdentity, RamRange } from '@shared/contracts/library';
import { readRamMap } from '../../qemu/ram-map';
import { identify, type DiskNode } from '../disk-identity';
import { SCREEN_FILE } from '../manifest';
import { ppmToPng, writeScreen } from '../../qemu/picture';
import { within } from '../../time/time-limit';
import type { SaveContext } from './context';

/** The guest waits for these, so none may take long: a picture takes 10–40 ms, a disk's header under 1 ms. */
const SCREEN_LIMIT_MS = 1500;
const RAM_MAP_LIMIT_MS = 3000;
const DISK_LIMIT_MS = 2000;

/** The picture as QEMU writes it, until it is PNG. */
const RAW_SCREEN = 'screen.ppm';

export interface Moment {
  readonly ramMap: readonly RamRange[];
  readonly disks: readonly DiskIdentity[];
  /** Whether QEMU has written a raw picture. */
  readonly hasScreen: boolean;
}

/** Records RAM map, disks and screen. What cannot be had in time is left out and said in a notice: the save goes on. */
export async function recordMoment(context: SaveContext): Promise<Moment> {
  const { job, vm } = context;
  const [ramMap, disks, hasScreen] = await Promise.all([
    within(RAM_MAP_LIMIT_MS, readRamMap(vm.qmp), null),
    Promise.all(vm.disks.map(async (disk) => (await within(DISK_LIMIT_MS, identify(disk), null)) ?? disk.path)),
    vm.facts.hasDisplay ? takeScreen(context) : false,
  ]);
  if (ramMap === null) job.notice("The VM's memory map could not be read: guest-physical addresses will be unknown.");
  for (const unread of disks.filter((disk) => typeof disk === 'string')) job.notice(await whyUnread(unread, vm.disks));
  return { ramMap: ramMap ?? [], disks: disks.filter((disk) => typeof disk !== 'string'), hasScreen };
}

async function takeScreen({ vm, folder }: SaveContext): Promise<boolean> {
  const taken = writeScreen(vm.qmp, join(folder, RAW_SCREEN), SCREEN_LIMIT_MS).then(() => true);
  return within(SCREEN_LIMIT_MS, taken, false);
}

/**
 * Turns the raw picture into `screen.png`, when the guest need not wait any more; answers whether there is one. A snapshot
 * without a picture is a good snapshot.
 */
export async function finishScreen({ folder }: SaveContext, { hasScreen }: Moment): Promise<boolean> {
  const raw = join(folder, RAW_SCREEN);
  const path = join(folder, SCREEN_FILE);
  try {
    const png = hasScreen ? await ppmToPng(await readFile(raw)) : null;
    if (png !== null) await writeFile(path, png, { flag: 'wx', mode: 0o600 });
    return png !== null;
  } catch {
    await rm(path, { force: true });
    return false;
  } finally {
    await rm(raw, { force: true });
  }
}

/** `-snapshot` and `snapshot=on` keep what the guest writes in a file under /var/tmp that has no name any more. */
async function whyUnread(path: string, disks: readonly DiskNode[]): Promise<string> {
  const temporary = /\/vl\.\w{6}$/.test(path) && disks.some((disk) => disk.path === path && disk.writable);
  return temporary
    ? 'A disk is in snapshot mode: what the guest wrote to it is lost when QEMU ends, and no restore brings it back.'
    : `${path} could not be looked at: a restore will not notice when it was written.`;
}
