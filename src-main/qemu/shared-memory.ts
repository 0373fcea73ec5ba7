/**
 * Memory that Stillframe shares with the VMs it starts, so that workers can copy it without QEMU.
 *
 * Where QEMU would make the VM's memory by itself, it is told to map a file of ours instead, by a memory backend with the
 * name that its own would have: then the RAMBlock is called the same, and snapshots go from one kind of VM to the other. The
 * file is a memfd: nobody's directory, nobody's size limit, gone with its last holder. `memory-backend-file` on it counts as
 * a named file, which QEMU 8.1 and later want before `x-ignore-shared` leaves it out; a `memory-backend-memfd` does not.
 */
import { readFile } from 'node:fs/promises';
import { makeMemoryFile } from '../files/memory-file';
import type { InheritedFile, SharedRam } from '../services';
import { readMemorySize, readOptions, readProperties, type QemuOption } from './options';
import type { QemuOutline } from './qemu-probe';
import { isQemuName } from './trusted-program';

/** The memory of a VM that is to be started. `why` is a sentence without its full stop. */
export type MemoryPlan =
  | { readonly shared: true; readonly block: string; readonly bytes: number }
  | { readonly shared: false; readonly why: string };

/** QEMU rounds the memory of a VM up to this (system/vl.c, `set_memory_options`). */
const RAM_GRAIN = 8192;
/** Host addresses at a multiple of this let the kernel put huge pages behind them. */
const ALIGN = 2 * 1024 * 1024;

/** Whether the memory of this command line can be a file of ours, judged by its words and by what its QEMU knows. */
export function planMemory(
  argv: readonly string[],
  abilities: Pick<QemuOutline, 'machineTypes' | 'defaultMachine' | 'version'>,
): MemoryPlan {
  const no = (why: string): MemoryPlan => ({ shared: false, why });
  const options = readOptions(argv);
  const machine = machineProperties(options);
  const taken = whyTaken(options, machine);
  if (taken !== null) return no(taken);
  const type = machine.get('type') ?? abilities.defaultMachine;
  const block = type === null ? null : (abilities.machineTypes.get(type)?.ramId ?? null);
  if (block === null)
    return no(
      `QEMU ${abilities.version} does not tell what the machine ${type ?? ''} calls its memory`.replace('  ', ' '),
    );
  if (options.some((option) => objectId(option) === block)) return no(`An object is called ${block} already`);
  const size = options.flatMap(({ name, value }) => (name === 'm' && value !== null ? [value] : [])).filter(namesSize);
  const bytes = readMemorySize(size.at(-1) ?? '');
  if (bytes === null) return no('The command line does not say how much memory the VM has (-m)');
  return { shared: true, block, bytes: Math.ceil(bytes / RAM_GRAIN) * RAM_GRAIN };
}

/**
 * Why a program is not even asked: a wrapper with a name of its own may have settings of its own, about memory too, and may
 * do more than start QEMU. null for one that is called as QEMU is.
 */
export const whyNotAsked = (program: string): string | null =>
  isQemuName(program) ? null : `${program} has another name than QEMU, so it was not asked what it can do`;

/**
 * `planMemory`, on this system: where memory is promised strictly (`vm.overcommit_memory` 2), a page of a file that is not to
 * be had ends QEMU, while ordinary memory is refused at the start.
 */
export async function planHere(argv: readonly string[], outline: QemuOutline): Promise<MemoryPlan> {
  const notAsked = whyNotAsked(outline.program);
  if (notAsked !== null) return { shared: false, why: notAsked };
  const policy = await readFile('/proc/sys/vm/overcommit_memory', 'utf8').catch(() => '');
  return policy.trim() === '2'
    ? { shared: false, why: 'This system promises memory strictly (vm.overcommit_memory is 2)' }
    : planMemory(argv, outline);
}

/** `-m slots=4,maxmem=8G` alone says nothing of the size. */
const namesSize = (value: string): boolean => readProperties(value, 'size').has('size');

/** The properties of all `-machine` options, the last of each name; a type that is an alias stays one. */
function machineProperties(options: readonly QemuOption[]): ReadonlyMap<string, string> {
  const given = options.filter(({ name }) => name === 'machine' || name === 'M');
  return new Map(given.flatMap(({ value }) => [...readProperties(value ?? '', 'type')]));
}

/** What of the command line decides over its memory, or needs it to be QEMU's own. */
function whyTaken(options: readonly QemuOption[], machine: ReadonlyMap<string, string>): string | null {
  const named = (name: string): readonly string[] =>
    options.filter((option) => option.name === name).map(({ value }) => value ?? '');
  if (named('readconfig').length > 0) return 'The command line reads its settings from a file (-readconfig)';
  if (named('mem-path').length > 0) return 'The command line says where the memory is (-mem-path)';
  if (named('numa').some((value) => /(^|,)memdev=|"memdev"/.test(value)))
    return 'The command line gives its NUMA nodes memory of their own';
  const accelerators = [...named('accel'), machine.get('accel') ?? ''];
  if (accelerators.some((value) => /\bxen\b/.test(value))) return 'Xen has the memory of its VMs itself';
  for (const name of machine.keys())
    if (name.startsWith('memory')) return `The command line says what the memory is (${name})`;
  if (machine.has('confidential-guest-support')) return 'The memory of a confidential guest is not shared';
  if (machine.get('mem-merge') === 'on')
    return 'The command line wants equal pages merged (mem-merge=on), which shared memory does not do';
  return null;
}

/**
 * Whether the command line itself keeps all of its memory in files that can be shared: `memory-backend-file` or
 * `memory-backend-memfd` with `share=on`, and no memory of another kind.
 */
export function sharesMemoryItself(argv: readonly string[]): boolean {
  const backends = readOptions(argv).flatMap(({ name, value }) => {
    if (name !== 'object' || value === null || !/memory-backend-/.test(value)) return [];
    if (value.startsWith('{')) return [/-(file|memfd)"/.test(value) && /"share"\s*:\s*true/.test(value)];
    const properties = readProperties(value, 'qom-type');
    const kind = properties.get('qom-type') ?? '';
    return [/-(file|memfd)$/.test(kind) && /^(on|yes|true|y)$/.test(properties.get('share') ?? '')];
  });
  return backends.length > 0 && backends.every((shared) => shared);
}

function objectId({ name, value }: QemuOption): string | null {
  if (name !== 'object' || value === null) return null;
  if (!value.startsWith('{')) return readProperties(value, 'qom-type').get('id') ?? null;
  return /"id"\s*:\s*"([^"\\]*)"/.exec(value)?.[1] ?? null;
}

/** Shared memory for a VM, and how its QEMU is told of it. */
export interface RamToInherit {
  readonly ram: SharedRam;
  readonly inherited: InheritedFile;
}

/** Makes the memory. Errors as of `makeMemoryFile`. */
export async function makeSharedRam(
  { block, bytes }: Extract<MemoryPlan, { shared: true }>,
  hugePages: boolean,
): Promise<RamToInherit> {
  const file = await makeMemoryFile('stillframe-ram', bytes, hugePages);
  return { ram: { block, bytes, file }, inherited: inherit({ block, bytes, file }, hugePages) };
}

function inherit({ block, bytes, file }: SharedRam, hugePages: boolean): InheritedFile {
  return {
    fd: file.fd,
    argv: (number) => [
      '-object',
      [
        `memory-backend-file,id=${block},size=${String(bytes)}`,
        `mem-path=/proc/self/fd/${String(number)},share=on`,
        // Huge pages of their own may be larger than that, and align themselves.
        ...(hugePages ? [] : [`align=${String(ALIGN)}`]),
        // Machine types up to 4.0 would call the block /objects/pc.ram, other than QEMU's own.
        'x-use-canonical-path-for-ramblock-id=off',
      ].join(','),
      '-machine',
      `memory-backend=${block}`,
    ],
  };
}

/** Whether so many bytes of huge pages can be had now; why not, and what to do. */
export async function whyNoHugePages(bytes: number): Promise<{ readonly what: string; readonly todo: string } | null> {
  const text = await readFile('/proc/meminfo', 'utf8').catch(() => '');
  const field = (name: string): number => Number(new RegExp(`^${name}:\\s+(\\d+)`, 'm').exec(text)?.[1] ?? 0);
  const pageBytes = field('Hugepagesize') * 1024;
  if (pageBytes === 0) return { what: 'This kernel has no huge pages', todo: 'Start the VM without --huge-pages.' };
  const mib = (value: number): string => `${String(value / 1024 / 1024)} MiB`;
  if (bytes % pageBytes !== 0)
    return {
      what: `The VM's memory is no whole number of huge pages of ${mib(pageBytes)}`,
      todo: `Give it a multiple of ${mib(pageBytes)}.`,
    };
  const needed = bytes / pageBytes;
  const free = Math.max(0, field('HugePages_Free') - field('HugePages_Rsvd'));
  if (free >= needed) return null;
  const total = field('HugePages_Total') + needed - free;
  return {
    what: `The VM needs ${String(needed)} huge pages of ${mib(pageBytes)}, and ${String(free)} are free`,
    todo: `Reserve them as root: sysctl vm.nr_hugepages=${String(total)}`,
  };
}
