import type { Registers } from '../contracts/devices';
import { fail } from '../contracts/failure';
import { aarch64Space, walkAarch64 } from './aarch64-paging';
import type { AddressSpace } from './table-tree';
import type { GuestMemory, Walk } from './walk';
import { walkX86, x86Space } from './x86-paging';

/**
 * Takes a guest-virtual address through the page tables of the CPU that has these registers. Rejects with
 * `format.unsupported` for other kinds of CPU.
 */
export function translate(memory: GuestMemory, registers: Registers, address: bigint): Promise<Walk> {
  if (registers['cr3'] !== undefined) return walkX86(memory, registers, address);
  if (registers['ttbr0_el1'] !== undefined) return walkAarch64(memory, registers, address);
  throw unknownCpu();
}

/** Every table that the CPU with these registers would use. Throws as `translate` rejects. */
export function addressSpaceOf(registers: Registers): AddressSpace {
  if (registers['cr3'] !== undefined) return x86Space(registers);
  if (registers['ttbr0_el1'] !== undefined) return aarch64Space(registers);
  throw unknownCpu();
}

const unknownCpu = (): Error =>
  fail(
    'format.unsupported',
    'translating an address',
    'the page tables of this kind of CPU are not known',
    'x86 and AArch64 are.',
  );
