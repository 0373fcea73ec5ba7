/** What a save has to know of a running VM and nobody else asks: its RAM blocks, its disks, how much of it can be non-zero. */
import { readFile } from 'node:fs/promises';
import { isAbsolute, resolve } from 'node:path';
import * as v from 'valibot';
import { allocatedBytes, type BlockMemory } from '../../qemu/ram-files';
import type { Qmp } from '../../services';
import type { DiskNode } from '../disk-identity';
import { ask } from '../migration';

/** Room for headers, the 1 MiB rounding of every block, bitmaps and device state (0.3 … 10 MB were seen). */
const BESIDE_RAM_BYTES = 64 * 1024 * 1024;

/** Sum of the used lengths of all RAM blocks in bytes: guest RAM, video memory, ROMs. */
export const ramBlockBytes = (blocks: readonly BlockMemory[]): number =>
  blocks.reduce((sum, { usedLength }) => sum + usedLength, 0);

/**
 * The most bytes a save can write: a page that the VM never touched is zero and takes no space. Memory of QEMU's own is
 * bounded by what is resident or swapped of it, memory in a shared file by what the file system holds of that file. Blocks of
 * other kinds may hold data that is not resident; they count whole.
 */
export async function fileBytesAtMost(
  blocks: readonly BlockMemory[],
  pid: number | null,
  live: boolean,
): Promise<number> {
  const all = ramBlockBytes(blocks) + BESIDE_RAM_BYTES;
  if (live || pid === null) return all;
  const shared = blocks.filter((block) => block.shared !== null);
  const whole = blocks.filter((block) => block.shared === null && block.kind !== 'private');
  const [own, inFiles] = await Promise.all([ownBytes(pid), allocatedBytes(shared)]);
  if (own === null) return all;
  const bound = own + (inFiles ?? ramBlockBytes(shared)) + ramBlockBytes(whole) + BESIDE_RAM_BYTES;
  return Math.min(all, bound);
}

/** Bytes of a process's own memory, in files of nobody: resident and swapped (proc_pid_status(5)); null when not visible. */
async function ownBytes(pid: number): Promise<number | null> {
  const status = await readFile(`/proc/${String(pid)}/status`, 'utf8').catch(() => '');
  const fields = ['RssAnon', 'VmSwap'].map((field) => new RegExp(`^${field}:\\s+(\\d+) kB$`, 'm').exec(status));
  const kibibytes = fields.map((match) => (match === null ? NaN : Number(match[1])));
  const sum = kibibytes.reduce((total, value) => total + value, 0) * 1024;
  return Number.isFinite(sum) ? sum : null;
}

const nodesSchema = v.array(
  v.object({
    'node-name': v.optional(v.string(), ''),
    drv: v.string(),
    file: v.string(),
    ro: v.boolean(),
  }),
);

/** Protocol drivers whose node is a path on this host (qapi/block-core.json). */
const LOCAL_DRIVERS: ReadonlySet<string> = new Set(['file', 'host_device', 'host_cdrom']);

/**
 * Every local file or device that the VM's block layer has open, backing files too, each once. Disks behind a network
 * protocol cannot be looked at and are left out.
 */
export async function diskNodes(qmp: Qmp, cwd: string): Promise<readonly DiskNode[]> {
  const nodes = await ask(qmp, 'query-named-block-nodes', nodesSchema, { flat: true });
  const at = (file: string): string => (isAbsolute(file) ? file : resolve(cwd, file));
  const disks = new Map<string, DiskNode>();
  for (const node of nodes.filter(({ drv }) => LOCAL_DRIVERS.has(drv))) {
    const path = at(node.file);
    const format = nodes.find(({ drv, file }) => !LOCAL_DRIVERS.has(drv) && at(file) === path);
    const writable = !node.ro || disks.get(path)?.writable === true;
    disks.set(path, { node: (format ?? node)['node-name'], path, format: format?.drv ?? 'raw', writable });
  }
  return [...disks.values()];
}
