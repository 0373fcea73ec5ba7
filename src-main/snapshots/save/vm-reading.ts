/** What a save has to know of a running VM and nobody else asks: its RAM blocks, its disks, how much of it can be non-zero. */
import { readFile } from 'node:fs/promises';
import { isAbsolute, resolve } from 'node:path';
import * as v from 'valibot';
import type { Qmp } from '../../services';
import type { DiskNode } from '../disk-identity';
import { ask } from '../migration';

/** Room for headers, the 1 MiB rounding of every block, bitmaps and device state (0.3 … 10 MB were seen). */
const BESIDE_RAM_BYTES = 64 * 1024 * 1024;

/** Sum of the used lengths of all RAM blocks in bytes, from `info ramblock`: guest RAM, video memory, ROMs. */
export async function ramBlockBytes(qmp: Qmp): Promise<number> {
  const table = await qmp.hmp('info ramblock');
  // Columns: name, page size ("4 KiB"), offset, used, total …
  return table
    .split('\n')
    .map((line) => /\s[KMG]iB\s+0x[0-9a-f]+\s+(0x[0-9a-f]+)\s/.exec(line)?.[1])
    .reduce((sum, length) => sum + (length === undefined ? 0 : Number(length)), 0);
}

/**
 * The most bytes a save can write: a page that the VM never touched is zero and takes no space, so resident and swapped
 * memory bound it where RAM is ordinary anonymous memory. Memory backed by a file or shared with others may hold data that
 * is not resident; then it is all of RAM.
 */
export async function fileBytesAtMost(qmp: Qmp, pid: number | null, ramBytes: number, live: boolean): Promise<number> {
  const all = ramBytes + BESIDE_RAM_BYTES;
  if (live || pid === null || !(await isAnonymous(qmp))) return all;
  const touched = await touchedBytes(pid);
  return touched === null ? all : Math.min(all, touched + BESIDE_RAM_BYTES);
}

async function isAnonymous(qmp: Qmp): Promise<boolean> {
  const devices = await ask(qmp, 'query-memdev', v.array(v.object({ id: v.optional(v.string()), share: v.boolean() })));
  for (const { id, share } of devices) {
    if (share || id === undefined) return false;
    const type = await qmp.execute('qom-get', { path: `/objects/${id}`, property: 'type' }).catch(() => null);
    if (type !== 'memory-backend-ram') return false;
  }
  return true;
}

async function touchedBytes(pid: number): Promise<number | null> {
  const status = await readFile(`/proc/${String(pid)}/status`, 'utf8').catch(() => '');
  const fields = ['RssAnon', 'RssShmem', 'RssFile', 'VmSwap'].map((field) =>
    new RegExp(`^${field}:\\s+(\\d+) kB$`, 'm').exec(status),
  );
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
