/**
 * Debian 12's own QEMU 7.2, which has neither mapped-ram nor `file:`, unpacked beside the QEMU that is installed. Imports
 * nothing from src-*.
 */
import { execFile } from 'node:child_process';
import { chmod, cp, mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { fromPackages, type Apt, type Dependency } from './apt';

const VERSION = '1:7.2';
/** Its data and firmware, which do not always have the program's own version. */
const BESIDE = ['qemu-system-data', 'seabios', 'ipxe-qemu'];
/** How deep libraries that need libraries are followed. */
const ROUNDS = 4;

export interface OldQemu {
  /** A `qemu-system-x86_64` that runs as it is, for `Recipe.program` or `PlainQemuOptions.program`. */
  readonly program: string;
}

/** Unpacks it on first use, which takes about 2 s and 66 MB in the user's cache folder. */
export async function oldQemu(): Promise<OldQemu> {
  const folder = await fromPackages('qemu-7.2', async (apt) => {
    const known = await apt.known(['qemu-system-x86', ...BESIDE]);
    const own = (name: string): string | undefined => known.get(name)?.all.find((found) => found.startsWith(VERSION));
    const version = own('qemu-system-x86');
    if (version === undefined) {
      throw new Error(
        'It knows no qemu-system-x86 7.2: that is in Debian 12 (bookworm), main and main of its security.',
      );
    }
    const packages = [
      `qemu-system-x86=${version}`,
      `qemu-system-common=${version}`,
      ...BESIDE.map((name) => (own(name) === undefined ? name : `${name}=${String(own(name))}`)),
    ];
    return {
      version,
      make: async (target) => {
        await apt.unpack(packages, target);
        await addLibraries(apt, version, target);
        await writeScript(target);
      },
    };
  });
  return { program: join(folder, 'bin', 'qemu-system-x86_64') };
}

async function writeScript(folder: string): Promise<void> {
  // QEMU finds its firmware and modules by where its program is. The folder moves, so the script goes by its own place.
  await mkdir(join(folder, 'bin'));
  const script = join(folder, 'bin', 'qemu-system-x86_64');
  await writeFile(
    script,
    [
      '#!/bin/sh',
      'here=$(dirname "$(dirname "$(readlink -f "$0")")")',
      'LD_LIBRARY_PATH="$here/lib${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}"',
      'export LD_LIBRARY_PATH',
      'exec "$here/usr/bin/qemu-system-x86_64" "$@"',
      '',
    ].join('\n'),
  );
  await chmod(script, 0o755);
}

/** Puts the shared libraries that the machine lacks into `lib`, out of the packages that QEMU's package depends on. */
async function addLibraries(apt: Apt, version: string, folder: string): Promise<void> {
  await mkdir(join(folder, 'lib'));
  let packages = [{ name: 'qemu-system-x86', version }];
  const seen = new Set(['libc6', 'libgcc-s1', 'qemu-system-x86', 'qemu-system-common', ...BESIDE]);
  for (let round = 0; ; round++) {
    const missing = await missingLibraries(folder);
    if (missing.length === 0) return;
    if (round === ROUNDS) throw new Error(`No package of QEMU's has ${missing.join(', ')}.`);
    packages = await dependenciesOf(apt, packages, seen);
    const unpacked = await mkdtemp(join(tmpdir(), 'libraries-'));
    try {
      await apt.unpack(
        packages.map((found) => `${found.name}=${found.version}`),
        unpacked,
      );
      await takeLibraries(unpacked, missing, join(folder, 'lib'));
    } finally {
      await rm(unpacked, { recursive: true, force: true });
    }
  }
}

async function dependenciesOf(
  apt: Apt,
  packages: readonly { readonly name: string; readonly version: string }[],
  seen: Set<string>,
): Promise<{ name: string; version: string }[]> {
  const wanted: Dependency[] = [];
  for (const { name, version } of packages) {
    for (const dependency of await apt.depends(name, version)) {
      if (!seen.has(dependency.name)) wanted.push(dependency);
      seen.add(dependency.name);
    }
  }
  const known = await apt.known(wanted.map(({ name }) => name));
  return wanted.flatMap(({ name, version }) => {
    const own = version ?? known.get(name)?.candidate;
    return own === undefined ? [] : [{ name, version: own }];
  });
}

/** Copies the missing libraries, and what their links point to, out of an unpacked tree. */
async function takeLibraries(tree: string, missing: readonly string[], into: string): Promise<void> {
  for (const entry of await readdir(tree, { recursive: true, withFileTypes: true })) {
    if (!missing.includes(entry.name)) continue;
    await cp(join(entry.parentPath, entry.name), join(into, entry.name), { dereference: true });
  }
}

/** Names of the shared libraries that the loader does not find for the program. */
async function missingLibraries(folder: string): Promise<readonly string[]> {
  const { stdout } = await promisify(execFile)('ldd', [join(folder, 'usr', 'bin', 'qemu-system-x86_64')], {
    env: { ...process.env, LC_ALL: 'C', LD_LIBRARY_PATH: join(folder, 'lib') },
  });
  return [...stdout.matchAll(/^\s*(\S+) => not found$/gm)].map(([, name]) => name ?? '');
}
