/** What a disk was when the VM was saved: enough to notice later that somebody wrote to it. */
import { createHash } from 'node:crypto';
import { constants } from 'node:fs';
import { open, readFile, stat } from 'node:fs/promises';
import type { DiskIdentity } from '@shared/contracts/library';

/** Holds the header of every image format QEMU has, and with qcow2 the first L1 and refcount tables of small images. */
const HEADER_BYTES = 64 * 1024;

/** A local file or device behind one of the VM's block nodes. */
export type DiskNode = Pick<DiskIdentity, 'node' | 'path' | 'format' | 'writable'>;

/** What stands for the time of the last write of a block device: its node's own time changes with every start of the host. */
const NO_WRITE_TIME = 0;

/** Reads a disk's size, time of the last write and header digest. Rejects with Node's own errors. */
export async function identify(disk: DiskNode): Promise<DiskIdentity> {
  const info = await stat(disk.path);
  if (info.isFile())
    return { ...disk, size: info.size, mtimeMs: info.mtimeMs, headerSha256: await headerDigest(disk.path) };
  const size = info.isBlockDevice() ? await deviceBytes(info.rdev) : 0;
  const headerSha256 = info.isBlockDevice() ? await headerDigest(disk.path).catch(() => null) : null;
  return { ...disk, size, mtimeMs: NO_WRITE_TIME, headerSha256 };
}

/** Whether a write past the header would show: not on a block device. */
export const tellsWrites = ({ mtimeMs }: DiskIdentity): boolean => mtimeMs !== NO_WRITE_TIME;

/** Size of a block device by its number (sysfs counts sectors of 512 bytes, whatever the device's own are); 0 when unknown. */
async function deviceBytes(rdev: number): Promise<number> {
  const number = BigInt(rdev);
  // dev_t as glibc lays it out (gnu_dev_major, gnu_dev_minor).
  const major = ((number >> 8n) & 0xfffn) | ((number >> 32n) & ~0xfffn);
  const minor = (number & 0xffn) | ((number >> 12n) & 0xffffff00n);
  const sectors = await readFile(`/sys/dev/block/${String(major)}:${String(minor)}/size`, 'utf8').catch(() => '0');
  return Number(sectors) * 512;
}

/** Some files under /proc look regular and make a reader wait: O_NONBLOCK. */
async function headerDigest(path: string): Promise<string> {
  const handle = await open(path, constants.O_RDONLY | constants.O_NONBLOCK);
  try {
    const { buffer, bytesRead } = await handle.read(new Uint8Array(HEADER_BYTES), 0, HEADER_BYTES, 0);
    return createHash('sha256').update(buffer.subarray(0, bytesRead)).digest('hex');
  } finally {
    await handle.close();
  }
}

/** In which points a disk differs from what it was, as a phrase each; empty when it is the same. */
export function differences(then: DiskIdentity, now: DiskIdentity): readonly string[] {
  return [
    then.size === now.size ? null : `its size was ${String(then.size)} bytes and is ${String(now.size)}`,
    then.headerSha256 === now.headerSha256 ? null : 'its header changed',
    // Times are kept as floating-point milliseconds; a microsecond is lost in the rounding, a write is not.
    Math.abs(then.mtimeMs - now.mtimeMs) < 0.01 ? null : `it was written on ${new Date(now.mtimeMs).toISOString()}`,
  ].filter((difference) => difference !== null);
}
