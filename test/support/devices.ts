/** Devices of a file as the worker reads them, page after page. */
import type { DeviceReport, DevicesReport } from '../../src-shared/contracts/devices';
import { stat } from 'node:fs/promises';
import type { Problem, StructureNode } from '../../src-shared/contracts/inspect';
import type { Lease } from '../../src-shared/contracts/lease';
import { openPath } from '../../src-worker/io/file-source';
import { readDevices } from '../../src-worker/snapshot/devices';
import { openSnapshot } from '../../src-worker/snapshot/open';
import { structureTree } from '../../src-worker/snapshot/tree';
import { deviceTrees } from '../../src-worker/snapshot/tree-fields';

export async function devicesOfFile(path: string, streamOffset: number | null = null): Promise<DevicesReport> {
  const source = await openPath(path);
  try {
    const snapshot = await openSnapshot(source, { streamOffset });
    const devices: DeviceReport[] = [];
    const problems: Problem[] = [];
    for (let from: number | null = 0; from !== null;) {
      const page = await readDevices(snapshot, from);
      devices.push(...page.devices);
      problems.push(...page.problems);
      from = page.next;
    }
    return { devices, problems };
  } finally {
    await source.close();
  }
}

/** The structure tree with the fields of the devices in it. */
export async function treeOfFile(path: string, streamOffset: number | null = null): Promise<readonly StructureNode[]> {
  const source = await openPath(path);
  try {
    const snapshot = await openSnapshot(source, { streamOffset });
    const fields = new Map<string, readonly StructureNode[]>();
    for (let from: number | null = 0; from !== null;) {
      const page = await deviceTrees(snapshot, from);
      for (const { id, children } of page.trees) fields.set(id, children);
      from = page.next;
    }
    const grow = ({ lazy: _, ...node }: StructureNode): StructureNode => ({
      ...node,
      children: fields.get(node.id) ?? node.children.map(grow),
    });
    return structureTree(snapshot).map(grow);
  } finally {
    await source.close();
  }
}

/** A lease on a file by its own path. */
export async function leaseOf(path: string): Promise<Lease> {
  const { dev, ino } = await stat(path, { bigint: true });
  return { path, dev: String(dev), ino: String(ino), name: path, streamOffset: null };
}
