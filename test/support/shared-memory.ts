/** RAM of a VM that others can map too: `memory-backend-file,share=on` on tmpfs. Imports nothing from src-*. */
import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const FOLDER = existsSync('/dev/shm') ? '/dev/shm' : tmpdir();

/**
 * Arguments for one backend, or one for each NUMA node, each with one CPU. They go after the VM's own `-machine` and `-m`,
 * whose size the nodes add up to. Sizes in MiB. QEMU makes each file in a folder and unlinks it at once, so it goes with the VM.
 */
export const sharedMemory = (nodesMiB: readonly number[]): readonly string[] =>
  argvFor(
    nodesMiB,
    nodesMiB.map(() => FOLDER),
  );

export interface SharedMemoryFiles {
  readonly argv: readonly string[];
  /** One for each node. QEMU makes those that are not there. */
  readonly files: readonly string[];
  remove(): Promise<void>;
}

/** The same with files that outlive the VM. */
export function sharedMemoryFiles(nodesMiB: readonly number[]): SharedMemoryFiles {
  const id = randomBytes(4).toString('hex');
  const files = nodesMiB.map((_, node) => join(FOLDER, `sf-ram-${id}-${node}`));
  return {
    argv: argvFor(nodesMiB, files),
    files,
    remove: async () => {
      await Promise.all(files.map((file) => rm(file, { force: true })));
    },
  };
}

function argvFor(nodesMiB: readonly number[], places: readonly string[]): readonly string[] {
  const names = nodesMiB.map((_, node) => (nodesMiB.length === 1 ? 'pc.ram' : `node${node}`));
  const backends = nodesMiB.flatMap((size, node) => [
    '-object',
    `memory-backend-file,id=${names[node] ?? ''},size=${size}M,mem-path=${places[node] ?? ''},share=on`,
  ]);
  const numa = names.flatMap((name, node) => ['-numa', `node,memdev=${name},cpus=${node}`]);
  const uses = names.length === 1 ? ['-machine', 'memory-backend=pc.ram'] : ['-smp', String(names.length), ...numa];
  return [...backends, ...uses];
}
