/** Bytes read as instructions one behind another, what is none among them too, with the addresses that branches name. */
import { hex } from '@shared/bytes/units';
import type { CodeMode } from '@shared/contracts/inspector-code';
import type { Decode, DecodedInstruction } from './capstone';

export interface ReadInstruction {
  /** Bytes from the beginning of what was read. */
  readonly at: number;
  readonly length: number;
  readonly text: string;
  /** The address that a branch goes to; null when it names none. */
  readonly target: bigint | null;
}

interface ModeFacts {
  /** Bits of an instruction's address. */
  readonly width: 16 | 32 | 64;
  /** Bytes of the longest instruction. */
  readonly longest: number;
  /** Bytes that are passed over where there is no instruction. */
  readonly step: number;
}

const MODES: Readonly<Record<CodeMode, ModeFacts>> = {
  'x86-64': { width: 64, longest: 15, step: 1 },
  'x86-32': { width: 32, longest: 15, step: 1 },
  'x86-16': { width: 16, longest: 15, step: 1 },
  aarch64: { width: 64, longest: 4, step: 4 },
};

/** Bytes that `count` instructions have at most. */
export const longestCode = (mode: CodeMode, count: number): number => MODES[mode].longest * count;
/** Instructions begin at multiples of this. */
export const codeAlignment = (mode: CodeMode): number => MODES[mode].step;

/**
 * Up to `count` instructions; `address` is the first one's. Where the last bytes are no whole instruction although they may
 * be the beginning of one, they are left out.
 */
export function readInstructions(
  decode: Decode,
  mode: CodeMode,
  bytes: Uint8Array,
  address: bigint,
  count: number,
): readonly ReadInstruction[] {
  const { width, longest, step } = MODES[mode];
  const found: ReadInstruction[] = [];
  let at = 0;
  while (found.length < count && at < bytes.length) {
    const start = BigInt.asUintN(width, address + BigInt(at));
    const left = count - found.length;
    for (const one of decode(mode, bytes.subarray(at, at + longest * left), start, left)) {
      found.push(read(one, at, address + BigInt(at), mode));
      at += one.length;
    }
    if (found.length === count || bytes.length - at < longest) break;
    found.push({ at, length: step, text: '(bad)', target: null });
    at += step;
  }
  return found;
}

function read(
  { mnemonic, operands, length }: DecodedInstruction,
  at: number,
  address: bigint,
  mode: CodeMode,
): ReadInstruction {
  const operand = branchOperand(mnemonic, operands, mode);
  if (operand === null) return { at, length, text: `${mnemonic} ${operands}`.trim(), target: null };
  const { width } = MODES[mode];
  // An instruction's address has fewer bits than the place of a 16-bit segment: what counts is how far it goes.
  const by = BigInt.asIntN(width, BigInt(operand) - address);
  const target = BigInt.asUintN(width === 64 ? 64 : 32, address + by);
  const before = operands.slice(0, operands.length - operand.length);
  return { at, length, text: `${mnemonic} ${before}${hex(target)}`, target };
}

/** The address that a branch has as its last operand. */
function branchOperand(mnemonic: string, operands: string, mode: CodeMode): string | null {
  if (mode === 'aarch64') {
    return /^(b|bl|b\.\w+|cbn?z|tbn?z)$/.test(mnemonic)
      ? (/(?:^|#)(0x[\da-f]+|\d+)$/.exec(operands)?.[1] ?? null)
      : null;
  }
  return /(^|\s)(j\w+|call|loop\w*|xbegin)$/.test(mnemonic) ? (/^(0x[\da-f]+|\d+)$/.exec(operands)?.[1] ?? null) : null;
}
