/**
 * A Linux guest that knows whether its memory is whole: Debian's cloud kernel, busybox, and files of pseudo-random bytes
 * whose SHA-256 is known out here. Made of apt packages on first use. Imports nothing from src-*.
 *
 * In a loop it dirties other memory too: it copies those files into slots, and compares a slot with what it should hold
 * before it writes it again. On its serial console it answers `check TOKEN` with `SUM TOKEN HASH ROUND BAD`.
 */
import { createCipheriv, createHash } from 'node:crypto';
import { copyFile, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fromPackages, type Apt } from './apt';
import { writeInitramfs } from './initramfs';

const MIB = 1024 * 1024;
const KERNEL = 'linux-image-cloud-amd64';
const BUSYBOX = 'busybox-static';
const SLICE = MIB / 4;
/** Memory of the VM unless its command line asks for another size. */
export const LINUX_MEMORY_MIB = 160;
/** Slices of memory that are dirtied: 12 MiB. No divisor of how many slices there are, so a slot's content changes. */
const SLOTS = 48;

/** What runs as process 1. `%SLICES%` is how many slices of pseudo-random bytes there are. */
const INIT = `#!/bin/busybox sh
b=/bin/busybox
$b mount -t devtmpfs dev /dev
$b mkdir /work
$b mount -t tmpfs work /work
exec 3<>/dev/ttyS0
$b stty -echo <&3
(while read -r word token <&3; do
  [ "$word" = check ] && echo "$token" > /work/asking && $b mv /work/asking /work/asked
done) &
round=0
bad=0
echo READY >&3
while :; do
  slot=/work/$((round % ${SLOTS}))
  if [ $round -ge ${SLOTS} ]; then
    $b cmp -s $slot /data/$(((round - ${SLOTS}) % %SLICES%)) || bad=$((bad + 1))
  fi
  $b dd if=/data/$((round % %SLICES%)) of=$slot bs=${SLICE} conv=notrunc 2>/dev/null
  round=$((round + 1))
  if [ -f /work/asked ]; then
    read -r token < /work/asked
    $b rm /work/asked
    read -r hash rest <<END
$(cd /data && $b sha256sum * | $b sha256sum)
END
    echo "SUM $token $hash $round $bad" >&3
  fi
done
`;

export interface LinuxGuest {
  readonly kernel: string;
  readonly initrd: string;
  /** What the guest's `sha256sum * | sha256sum` over its pseudo-random bytes has to print, in hexadecimal. */
  readonly sha256: string;
}

/**
 * Kernel and initial file system, from the user's cache folder or made there within seconds. `dataMiB`: how much
 * pseudo-random memory the guest holds; the guest needs three times as much and 80 MiB.
 */
export async function linuxGuest(dataMiB = 16): Promise<LinuxGuest> {
  const slices = pseudoRandomSlices(dataMiB * (MIB / SLICE));
  const init = INIT.replaceAll('%SLICES%', String(slices.length));
  const folder = await fromPackages(`linux-guest-${dataMiB}`, async (apt) => {
    const known = await apt.known([KERNEL, BUSYBOX]);
    const meta = known.get(KERNEL)?.candidate;
    const busybox = known.get(BUSYBOX)?.candidate;
    if (meta === undefined || busybox === undefined) {
      throw new Error(`It knows no ${meta === undefined ? KERNEL : BUSYBOX}: that is in Debian, main.`);
    }
    return {
      version: `${meta}_${busybox}_${sha256Of(Buffer.from(init)).slice(0, 8)}`,
      make: async (target) => {
        const kernel = (await apt.depends(KERNEL, meta)).find(({ name }) => name.startsWith('linux-image-'));
        if (kernel === undefined) throw new Error(`${KERNEL} ${meta} depends on no kernel.`);
        const packages = [`${kernel.name}=${kernel.version ?? '*'}`, `${BUSYBOX}=${busybox}`];
        await makeGuest(apt, packages, target, { init, slices });
      },
    };
  });
  const sums = slices.map(({ name, bytes }) => `${sha256Of(bytes)}  ${name}\n`).sort(byName);
  const sha256 = sha256Of(Buffer.from(sums.join('')));
  return { kernel: join(folder, 'vmlinuz'), initrd: join(folder, 'initrd'), sha256 };
}

async function makeGuest(
  apt: Apt,
  packages: readonly string[],
  folder: string,
  content: { readonly init: string; readonly slices: readonly Slice[] },
): Promise<void> {
  const tree = await mkdtemp(join(tmpdir(), 'linux-'));
  try {
    await apt.unpack(packages, tree);
    const image = (await readdir(join(tree, 'boot'))).find((name) => name.startsWith('vmlinuz-'));
    if (image === undefined) throw new Error(`There is no kernel in ${packages.join(' ')}.`);
    await copyFile(join(tree, 'boot', image), join(folder, 'vmlinuz'));
    await writeFile(
      join(folder, 'initrd'),
      // Not compressed: random bytes do not get smaller, and the guest starts sooner.
      writeInitramfs([
        { path: 'bin', kind: 'folder' },
        { path: 'dev', kind: 'folder' },
        { path: 'bin/busybox', kind: 'program', bytes: await readFile(join(tree, 'bin', 'busybox')) },
        { path: 'init', kind: 'program', bytes: Buffer.from(content.init) },
        { path: 'data', kind: 'folder' },
        ...content.slices.map(({ name, bytes }) => ({ path: `data/${name}`, kind: 'file' as const, bytes })),
      ]),
    );
  } finally {
    await rm(tree, { recursive: true, force: true });
  }
}

interface Slice {
  readonly name: string;
  readonly bytes: Uint8Array;
}

/** The same bytes every time, no page twice: AES in counter mode. */
function pseudoRandomSlices(count: number): readonly Slice[] {
  const cipher = createCipheriv('aes-128-ctr', Buffer.alloc(16), Buffer.alloc(16));
  return Array.from({ length: count }, (_, index) => ({
    name: String(index),
    bytes: cipher.update(Buffer.alloc(SLICE)),
  }));
}

const sha256Of = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');

/** The shell sorts names as texts. */
const byName = (a: string, b: string): number => (a.slice(66) < b.slice(66) ? -1 : 1);

export interface LinuxArgv {
  /** Where the VM listens for whoever wants its serial console. */
  readonly serial: string;
  /** LINUX_MEMORY_MIB when not given. */
  readonly memoryMiB?: number;
  /** `q35` when not given. */
  readonly machine?: string;
  /** `max` when not given. */
  readonly cpu?: string;
  /** More arguments, e.g. memory backends. */
  readonly more?: readonly string[];
}

/** The command line of a VM with this guest: TCG, no VGA, no disk, no network. */
export function linuxArgv({ kernel, initrd }: LinuxGuest, options: LinuxArgv): readonly string[] {
  return [
    ...['-no-user-config', '-nodefaults', '-display', 'none', '-accel', 'tcg'],
    ...[
      '-machine',
      options.machine ?? 'q35',
      '-cpu',
      options.cpu ?? 'max',
      '-m',
      `${options.memoryMiB ?? LINUX_MEMORY_MIB}M`,
    ],
    ...['-kernel', kernel, '-initrd', initrd, '-append', 'console=ttyS0 quiet'],
    ...['-chardev', `socket,id=serial,path=${options.serial},server=on,wait=off`, '-serial', 'chardev:serial'],
    ...(options.more ?? []),
  ];
}
