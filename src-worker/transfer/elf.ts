/** The whole guest as an ELF core file, as debuggers and dump tools read it. */
import { decodeText } from '@shared/bytes/text';
import { fail } from '@shared/contracts/failure';
import type { Lease } from '@shared/contracts/lease';
import type { RamRange } from '@shared/contracts/library';
import { coreHead, layOutCore, type CoreMachine } from '@shared/elf/core';
import { cpuNotes, joined, machineOf, notesRoomFor, vmcoreinfoNote, type CoreCpu } from '@shared/elf/notes';
import { physicalRanges } from '@shared/elf/ranges';
import { fieldsJson } from '@shared/stream/field-json';
import { registersOf } from '@shared/stream/registers';
import { GuestFile } from '../guest/guest-file';
import { ramMapOf } from '../guest/ram-map';
import { withLease } from '../io/lease';
import { devicesOf, readDevice } from '../snapshot/device-data';
import { openSnapshot, type OpenSnapshot } from '../snapshot/open';
import { copyPresent, type CopyCount } from './present-copy';
import { TargetFile, type OpenChannel } from './target-file';
import type { Transfer } from './transfer';

const DOING = 'exporting a core file';
/** Values of one CPU's section. */
const MOST_VALUES = 500_000;

/**
 * Linux keeps what a reader of its dumps has to know as a text in a page of its own (kernel/vmcore_info.c); with it in a note,
 * tools know the core for a kernel's.
 */
const VMCOREINFO_START = Buffer.from('OSRELEASE=');
const VMCOREINFO_BYTES = 4096;

/**
 * Opens both ends. `ramMap`: from the manifest; empty: as the machine type usually has it. Rejects with `format.unsupported`
 * where neither tells, since a core file is one of guest-physical addresses.
 */
export async function openElf(
  source: Lease,
  target: Lease,
  ramMap: readonly RamRange[],
  openChannel: OpenChannel,
): Promise<Transfer> {
  const cpus = await withLease(source, async (file) =>
    cpusOf(await openSnapshot(file, { streamOffset: source.streamOffset })),
  );
  const file = await GuestFile.open(source, DOING);
  try {
    const lengthOf = (name: string): number | null => file.blocks.find((block) => block.name === name)?.length ?? null;
    const ranges = physicalRanges(ramMapOf(file.snapshot.stream, ramMap).map, lengthOf);
    if (ranges.length === 0) throw noMap(source);
    const machine = machineFor(cpus, file.snapshot);
    const known = cpus.filter((cpu) => machineOf(cpu) === machine);
    const layout = layOutCore(ranges, notesRoomFor(known.length, VMCOREINFO_BYTES));
    const core = TargetFile.openNew(target, openChannel);
    const count: CopyCount = { bytesRead: 0, pages: 0, zeroPages: 0, done: 0 };
    const total = ranges.reduce((sum, { length }) => sum + length, 0);
    let vmcoreinfo: Uint8Array | null = null;
    return {
      form: 'mapped-ram',
      run: async (turn) => {
        core.resize(layout.fileBytes);
        for (const [index, { block, blockOffset, length }] of ranges.entries()) {
          const part = {
            block: file.block(block, DOING),
            start: blockOffset,
            end: blockOffset + length,
            target: layout.segments[index]?.offset ?? 0,
          };
          await copyPresent(file, part, core, turn, count, (bytes, offset) => {
            vmcoreinfo ??= findVmcoreinfo(bytes, offset);
          });
        }
        // Last, so that a file that was cut short is no core file.
        const notes = joined([cpuNotes(machine, known), ...(vmcoreinfo === null ? [] : [vmcoreinfoNote(vmcoreinfo)])]);
        core.write(coreHead(layout, machine, notes), 0);
      },
      progress: () => ({
        bytesRead: count.bytesRead,
        bytesWritten: core.bytesWritten,
        pages: count.pages,
        zeroPages: count.zeroPages,
        fraction: count.done / total,
      }),
      close: async () => {
        core.close();
        file.close();
      },
    };
  } catch (error) {
    file.close();
    throw error;
  }
}

/** The CPUs whose registers the stream tells, in their order. */
async function cpusOf(snapshot: OpenSnapshot): Promise<readonly CoreCpu[]> {
  const cpus: CoreCpu[] = [];
  for (const device of await devicesOf(snapshot)) {
    if (device.section.name !== 'cpu') continue;
    const read = await readDevice(snapshot.source, device);
    if (read === null) continue;
    const budget = { values: MOST_VALUES, onProblem: () => undefined };
    const registers = registersOf(device.section.name, fieldsJson(read.node, read.data, budget));
    if (registers !== null) cpus.push({ index: device.section.record.values.instance, registers });
  }
  return cpus.sort((a, b) => a.index - b.index);
}

/** By its CPUs, else by its machine type. */
function machineFor(cpus: readonly CoreCpu[], { stream }: OpenSnapshot): CoreMachine {
  for (const cpu of cpus) {
    const machine = machineOf(cpu);
    if (machine !== null) return machine;
  }
  return /^virt(-|$)/.test(stream.configuration?.machine ?? '') ? 'aarch64' : 'x86-64';
}

/** The kernel's text in a stretch of memory that begins at `offset` of a block; null when it is not there. */
function findVmcoreinfo(bytes: Uint8Array, offset: number): Uint8Array | null {
  const first = (VMCOREINFO_BYTES - (offset % VMCOREINFO_BYTES)) % VMCOREINFO_BYTES;
  for (let at = first; at + VMCOREINFO_BYTES <= bytes.length; at += VMCOREINFO_BYTES) {
    if (bytes[at] !== VMCOREINFO_START[0]) continue;
    const page = bytes.subarray(at, at + VMCOREINFO_BYTES);
    if (!VMCOREINFO_START.equals(page.subarray(0, VMCOREINFO_START.length))) continue;
    const end = page.indexOf(0);
    // A copy: the next pages are read into the same memory.
    const text = Uint8Array.from(page.subarray(0, end === -1 ? page.length : end));
    const words = decodeText(text);
    if (words.includes('\nPAGESIZE=') && words.includes('\nSYMBOL(')) return text;
  }
  return null;
}

const noMap = (source: Lease): Error =>
  fail(
    'format.unsupported',
    DOING,
    'it is not known at which guest-physical addresses its RAM was: it is in no snapshot with a manifest, and its machine type does not tell',
    'Export single blocks with --to raw.',
    { where: { path: source.name } },
  );
