import type { Registers } from '../contracts/devices';
import { fail } from '../contracts/failure';
import { walkAarch64 } from './aarch64-paging';
import type { GuestMemory, Walk } from './walk';
import { walkX86 } from './x86-paging';

/**
 * Takes a guest-virtual address through the page tables of the CPU that has these registers. Rejects with
 * `format.unsupported` for other kinds of CPU.
 */
export function translate(memory: GuestMemory, registers: Registers, address: bigint): Promise<Walk> {
  if (registers['cr3'] !== undefined) return walkX86(memory, registers, address);
  if (registers['ttbr0_el1'] !== undefined) return walkAarch64(memory, registers, address);
  throw fail(
    'format.unsupported',
    'translating an address',
    'the page tables of this kind of CPU are not known',
    'x86 and AArch64 are.',
  );
}
