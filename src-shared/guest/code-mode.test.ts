import { describe, expect, it } from 'vitest';
import { codeModeOf } from './code-mode';

const LONG = 1 << 21;
const BIG = 1 << 22;
const x86 = (cr0: number, efer: number, csFlags: number, rflags = 2) =>
  codeModeOf({ rip: 0, rflags, cr0, efer, cs: { selector: 8, base: 0, limit: 0, flags: csFlags } }, null, 0).mode;

describe('how a CPU reads code', () => {
  it('is 64-bit only in long mode with a 64-bit code segment', () => {
    expect(x86(0x80000001, 0xd00, LONG)).toBe('x86-64');
    expect(x86(0x80000001, 0xd00, BIG)).toBe('x86-32');
    expect(x86(0x80000001, 0xd00, 0)).toBe('x86-16');
    expect(x86(0x80000001, 0x100, LONG)).toBe('x86-16');
  });

  it('is 16-bit in real mode, whatever the segment says, and in virtual 8086 mode', () => {
    expect(x86(0x10, 0, BIG)).toBe('x86-16');
    expect(x86(0x11, 0, BIG)).toBe('x86-32');
    expect(x86(0x11, 0, BIG, 0x20002)).toBe('x86-16');
  });

  it('is AArch64 where there is a PSTATE, and says so of 32-bit Arm code', () => {
    expect(codeModeOf({ pc: 0, pstate: 5 }, null, 1)).toEqual({ mode: 'aarch64', why: 'cpu 1 runs AArch64 code.' });
    expect(codeModeOf({ pc: 0, cpsr: 0x10 }, null, 0).why).toContain('32-bit Arm');
  });

  it('follows the machine type where no CPU is known, and says that it does not know', () => {
    expect(codeModeOf(null, 'virt-10.0', 0).mode).toBe('aarch64');
    expect(codeModeOf(null, 'pc-q35-10.0', 0).mode).toBe('x86-64');
    expect(codeModeOf(null, null, 0).why).toContain('neither CPU nor machine type');
  });
});
