/** How a CPU reads machine code, by its registers; or, without them, by the machine type. */
import type { Registers } from '../contracts/devices';
import type { CodeMode } from '../contracts/inspector-code';
import { bit, needed, registerOf } from './walk';

const CR0_PE = 0;
const EFER_LMA = 10;
const FLAGS_VM = 17;
/** Bits of a segment's flags as QEMU saves them: the upper word of its descriptor. */
const SEGMENT_LONG = 21;
const SEGMENT_BIG = 22;

export interface FoundMode {
  readonly mode: CodeMode;
  /** What it follows from, as a sentence. */
  readonly why: string;
}

/** `registers`: null when the file does not tell them. */
export function codeModeOf(registers: Registers | null, machine: string | null, cpu: number): FoundMode {
  if (registers === null) return byMachine(machine);
  if (registerOf(registers, 'pstate') !== null) return { mode: 'aarch64', why: `cpu ${cpu} runs AArch64 code.` };
  if (registerOf(registers, 'cpsr') !== null)
    return { mode: 'aarch64', why: `cpu ${cpu} runs 32-bit Arm code, which is not read here: shown as AArch64.` };
  return byX86(registers, cpu);
}

function byX86(registers: Registers, cpu: number): FoundMode {
  const { cs } = registers;
  const flags = typeof cs === 'object' ? needed(cs, 'flags') : 0n;
  const found = (mode: CodeMode, state: string): FoundMode => ({ mode, why: `cpu ${cpu}: ${state}.` });
  if (!bit(needed(registers, 'cr0'), CR0_PE)) return found('x86-16', 'real mode, CR0.PE is 0');
  const long = bit(needed(registers, 'efer'), EFER_LMA);
  if (long && bit(flags, SEGMENT_LONG)) return found('x86-64', 'long mode, EFER.LMA and CS.L are 1');
  if (!long && bit(registerOf(registers, 'eflags') ?? needed(registers, 'rflags'), FLAGS_VM))
    return found('x86-16', 'virtual 8086 mode, EFLAGS.VM is 1');
  const state = long ? 'compatibility mode' : 'protected mode';
  return bit(flags, SEGMENT_BIG) ? found('x86-32', `${state}, CS.D is 1`) : found('x86-16', `${state}, CS.D is 0`);
}

function byMachine(machine: string | null): FoundMode {
  if (machine === null)
    return { mode: 'x86-64', why: 'The file tells neither CPU nor machine type: taken for x86-64.' };
  const mode = /^(virt|sbsa-ref|raspi\w+)(-|$)/.test(machine) ? 'aarch64' : 'x86-64';
  return { mode, why: `No CPU state is known: by the machine type ${machine}.` };
}
