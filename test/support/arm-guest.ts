/**
 * An AArch64 Linux guest: QEMU's `qemu-system-aarch64` unpacked beside the installed QEMU, Debian's cloud kernel and busybox
 * for arm64. Made of apt packages on first use (45 MB to fetch). Imports nothing from src-*.
 */
import { copyFile, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fromForeignPackages, fromPackages, type Apt } from './apt';
import { writeInitramfs } from './initramfs';

const QEMU = 'qemu-system-arm';
const KERNEL = 'linux-image-cloud-arm64';
const BUSYBOX = 'busybox-static';

/** Starts programs without end, so that it is now in the kernel, now in a process; and has a file in memory. */
const INIT = `#!/bin/busybox sh
b=/bin/busybox
$b mount -t devtmpfs dev /dev
$b mkdir /work
$b mount -t tmpfs work /work
$b dd if=/dev/urandom of=/work/file bs=1048576 count=16 2>/dev/null
echo READY > /dev/ttyAMA0
while :; do $b cat /bin/busybox > /work/copy; done
`;

export interface ArmGuest {
  /** A `qemu-system-aarch64` that runs as it is. */
  readonly program: string;
  readonly kernel: string;
  readonly initrd: string;
}

export async function armGuest(): Promise<ArmGuest> {
  const qemu = await fromPackages(QEMU, async (apt) => {
    const known = await apt.known([QEMU, 'qemu-system-x86']);
    // Of the version that is installed, whose data it uses.
    const version = known.get('qemu-system-x86')?.all.find((found) => known.get(QEMU)?.all.includes(found));
    if (version === undefined) throw new Error(`It knows no ${QEMU}.`);
    return { version, make: (folder) => apt.unpack([`${QEMU}=${version}`], folder) };
  });
  const guest = await fromForeignPackages('linux-guest-arm64', 'arm64', async (apt) => {
    const known = await apt.known([KERNEL, BUSYBOX]);
    const meta = known.get(KERNEL)?.candidate;
    if (meta === undefined) throw new Error(`It knows no ${KERNEL}.`);
    const kernel = (await apt.depends(KERNEL, meta)).find(({ name }) => name.startsWith('linux-image-'));
    if (kernel === undefined) throw new Error(`${KERNEL} ${meta} depends on no kernel.`);
    const packages = [`${kernel.name}=${kernel.version ?? '*'}`, BUSYBOX];
    return { version: meta, make: (folder) => makeGuest(apt, packages, folder) };
  });
  return {
    program: join(qemu, 'usr/bin/qemu-system-aarch64'),
    kernel: join(guest, 'vmlinuz'),
    initrd: join(guest, 'initrd'),
  };
}

async function makeGuest(apt: Apt, packages: readonly string[], folder: string): Promise<void> {
  const tree = await mkdtemp(join(tmpdir(), 'linux-'));
  try {
    await apt.unpack(packages, tree);
    const image = (await readdir(join(tree, 'boot'))).find((name) => name.startsWith('vmlinuz-'));
    if (image === undefined) throw new Error(`There is no kernel in ${packages.join(' ')}.`);
    await copyFile(join(tree, 'boot', image), join(folder, 'vmlinuz'));
    const initrd = writeInitramfs([
      { path: 'bin', kind: 'folder' },
      { path: 'dev', kind: 'folder' },
      { path: 'bin/busybox', kind: 'program', bytes: await readFile(join(tree, 'bin', 'busybox')) },
      { path: 'init', kind: 'program', bytes: Buffer.from(INIT) },
    ]);
    await writeFile(join(folder, 'initrd'), initrd);
  } finally {
    await rm(tree, { recursive: true, force: true });
  }
}

/**
 * A command line for `PlainQemu`: a CPU without PAN, so that the kernel sees what its processes see. `rodata=on` has Linux
 * map RAM by large blocks where it can.
 */
export const armArgv = ({ kernel, initrd }: ArmGuest, serial: string): readonly string[] => [
  ...['-machine', 'virt', '-cpu', 'cortex-a72', '-m', '128M'],
  ...['-kernel', kernel, '-initrd', initrd, '-append', 'console=ttyAMA0 quiet rodata=on'],
  ...['-chardev', `socket,id=serial,path=${serial},server=on,wait=off`, '-serial', 'chardev:serial'],
];
