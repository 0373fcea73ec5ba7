/** RAM of a VM in files that others can map too: `memory-backend-file,share=on` on tmpfs. Imports nothing from src-*. */
import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const FOLDER = existsSync('/dev/shm') ? '/dev/shm' : tmpdir();

export interface SharedMemory {
  /** Goes after the VM's own `-machine` and `-m`, whose size the nodes add up to. */
  readonly argv: readonly string[];
  readonly files: readonly string[];
  /** QEMU makes the files when it starts. They may go as soon as it has. */
  remove(): Promise<void>;
}

/** One backend, or one for each NUMA node, each with one CPU. Sizes in MiB. */
export function sharedMemory(nodesMiB: readonly number[]): SharedMemory {
  const id = randomBytes(4).toString('hex');
  const files = nodesMiB.map((_, node) => join(FOLDER, `sf-ram-${id}-${node}`));
  const names = nodesMiB.map((_, node) => (nodesMiB.length === 1 ? 'pc.ram' : `node${node}`));
  const backends = nodesMiB.flatMap((size, node) => [
    '-object',
    `memory-backend-file,id=${names[node] ?? ''},size=${size}M,mem-path=${files[node] ?? ''},share=on`,
  ]);
  const uses =
    nodesMiB.length === 1
      ? ['-machine', 'memory-backend=pc.ram']
      : [
          '-smp',
          String(nodesMiB.length),
          ...names.flatMap((name, node) => ['-numa', `node,memdev=${name},cpus=${node}`]),
        ];
  return {
    argv: [...backends, ...uses],
    files,
    remove: async () => {
      await Promise.all(files.map((file) => rm(file, { force: true })));
    },
  };
}
