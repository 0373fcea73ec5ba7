/** Machine code as GNU objdump reads it, out of the distribution's packages. Imports nothing from src-*. */
import { execFile } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { fromPackages } from './apt';

const PROGRAMS = ['binutils-x86-64-linux-gnu', 'binutils-aarch64-linux-gnu'];
/** What they load; not all of them in every release. */
const LIBRARIES = [
  'libbinutils',
  'libctf0',
  'libctf-nobfd0',
  'libsframe1',
  'libsframe2',
  'libsframe3',
  'libjansson4',
  'libzstd1',
];
const LIMIT_MS = 60_000;
const MOST_OUTPUT = 256 * 1024 * 1024;

const MACHINES = {
  'x86-64': ['x86_64-linux-gnu-objdump', 'i386:x86-64'],
  'x86-32': ['x86_64-linux-gnu-objdump', 'i386'],
  'x86-16': ['x86_64-linux-gnu-objdump', 'i8086'],
  aarch64: ['aarch64-linux-gnu-objdump', 'aarch64'],
} as const;

export interface DumpedInstruction {
  /** Bytes from the beginning. */
  readonly at: number;
  readonly length: number;
  /** Prefixes that have a name, and the mnemonic. */
  readonly words: readonly string[];
  /** The address that a branch goes to; null when it names none. */
  readonly target: bigint | null;
}

/** All of `bytes`, in Intel's syntax. `folder`: for a file of its own. */
export async function objdump(
  folder: string,
  mode: keyof typeof MACHINES,
  bytes: Uint8Array,
  address = 0n,
): Promise<readonly DumpedInstruction[]> {
  const root = await binutils();
  const [program, machine] = MACHINES[mode];
  const path = join(folder, `code-${mode}`);
  await writeFile(path, bytes);
  const syntax = mode === 'aarch64' ? [] : ['-M', 'intel'];
  const argv = [
    '-D',
    '-z',
    '-b',
    'binary',
    '-m',
    machine,
    ...syntax,
    '--insn-width=16',
    `--adjust-vma=0x${address.toString(16)}`,
  ];
  const { stdout } = await promisify(execFile)(join(root, 'usr/bin', program), [...argv, path], {
    timeout: LIMIT_MS,
    maxBuffer: MOST_OUTPUT,
    env: { LD_LIBRARY_PATH: join(root, 'usr/lib/x86_64-linux-gnu') },
  });
  const lines = stdout.matchAll(/^\s*([\da-f]+):\t([\da-f ]+?)\s*\t(.*)$/gm);
  return Array.from(lines, ([, at = '', hex = '', text = '']) => ({
    at: Number(BigInt.asUintN(64, BigInt(`0x${at}`) - address)),
    length: mode === 'aarch64' ? 4 : hex.split(' ').length,
    words: text.split(/\s+/),
    target: targetOf(text),
  }));
}

function targetOf(text: string): bigint | null {
  const [, digits] =
    /^(?:\w+ )*?(?:j\w+|calld?|loop\w*|b|bl|b\.\w+|cbn?z|tbn?z)\s+(?:[\w#]+, )*(?:0x)?([\da-f]+)(?:\s|$)/.exec(text) ??
    [];
  return digits === undefined ? null : BigInt(`0x${digits}`);
}

const binutils = (): Promise<string> =>
  fromPackages('binutils', async (apt) => {
    const known = await apt.known([...PROGRAMS, ...LIBRARIES]);
    const missing = PROGRAMS.find((name) => !known.has(name));
    if (missing !== undefined) throw new Error(`It knows no ${missing}: that is in Debian, main.`);
    const version = known.get('binutils-x86-64-linux-gnu')?.candidate ?? '';
    const packages = [...known].map(([name, { candidate }]) => `${name}=${candidate}`);
    return { version, make: (target) => apt.unpack(packages, target) };
  });
