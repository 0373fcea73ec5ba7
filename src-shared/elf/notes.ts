/**
 * Notes about a guest's CPUs as QEMU's own `dump-guest-memory` writes them (target/i386/arch_dump.c, target/arm/arch_dump.c):
 * `CORE` for debuggers, `QEMU` with what `CORE` has no place for.
 */
import { asciiBytes } from '../bytes/text';
import type { Registers } from '../contracts/devices';
import type { CoreMachine } from './core';

/** The registers of one CPU, and its number. */
export interface CoreCpu {
  readonly index: number;
  readonly registers: Registers;
}

const NT_PRSTATUS = 1;
const NT_QEMU = 0;
const NT_VMCOREINFO = 0;

/** Where in `struct elf_prstatus` the number of the thread and its registers are, on 64-bit Linux. */
const PID_AT = 32;
const REGISTERS_AT = 112;

/** `struct user_regs_struct` of x86-64; a name with a dot is a part of a group. */
const X86_USER = [
  ...['r15', 'r14', 'r13', 'r12', 'rbp', 'rbx', 'r11', 'r10', 'r9', 'r8', 'rax', 'rcx', 'rdx', 'rsi', 'rdi'],
  // orig_rax: no system call is under way that a debugger could restart.
  ...['', 'rip', 'cs.selector', 'rflags', 'rsp', 'ss.selector', 'fs.base', 'gs.base'],
  ...['ds.selector', 'es.selector', 'fs.selector', 'gs.selector'],
] as const;

/** `struct user_pt_regs` of AArch64. */
const ARM_USER = [...Array.from({ length: 31 }, (_, index) => `x${index}`), 'sp', 'pc', 'pstate'];

/** `QEMUCPUState`, version 1. */
const QEMU_STATE_VERSION = 1;
const QEMU_GENERAL = [
  ...['rax', 'rbx', 'rcx', 'rdx', 'rsi', 'rdi', 'rsp', 'rbp'],
  ...['r8', 'r9', 'r10', 'r11', 'r12', 'r13', 'r14', 'r15', 'rip', 'rflags'],
] as const;
const QEMU_SEGMENTS = ['cs', 'ds', 'es', 'fs', 'gs', 'ss', 'ldt', 'tr', 'gdt', 'idt'] as const;
const QEMU_CONTROL = ['cr0', '', 'cr2', 'cr3', 'cr4', 'kernelgsbase'] as const;
const SEGMENT_BYTES = 24;

/** The machine whose registers these are; null for one that has no notes here (a 32-bit target). */
export function machineOf({ registers }: CoreCpu): CoreMachine | null {
  if (registers['rip'] !== undefined) return 'x86-64';
  return registers['x0'] !== undefined && registers['pc'] !== undefined ? 'aarch64' : null;
}

/** All notes of the CPUs of one machine, those of `CORE` first. */
export function cpuNotes(machine: CoreMachine, cpus: readonly CoreCpu[]): Uint8Array {
  const core = cpus.map((cpu) => note('CORE', NT_PRSTATUS, prstatus(machine, cpu)));
  const qemu = machine === 'x86-64' ? cpus.map((cpu) => note('QEMU', NT_QEMU, qemuState(cpu))) : [];
  return joined([...core, ...qemu]);
}

/** The note by which tools know a Linux kernel's dump: the text that the kernel itself keeps for that. */
export const vmcoreinfoNote = (text: Uint8Array): Uint8Array => note('VMCOREINFO', NT_VMCOREINFO, text);

/** Most bytes that these notes take. */
export const notesRoomFor = (cpus: number, vmcoreinfoBytes: number): number =>
  cpus * 1024 + vmcoreinfoBytes + NOTE_HEAD_BYTES + 16;

/** Numbers of a CPU, registers that are not there being 0. */
function valueOf({ registers }: CoreCpu, name: string): bigint {
  const [group = '', part] = name.split('.');
  const found = registers[group];
  const value = part === undefined || typeof found !== 'object' ? found : found[part];
  return typeof value === 'number' || typeof value === 'string' ? BigInt.asUintN(64, BigInt(value)) : 0n;
}

function prstatus(machine: CoreMachine, cpu: CoreCpu): Uint8Array {
  const names = machine === 'x86-64' ? X86_USER : ARM_USER;
  // Behind the registers: whether the floating-point registers are valid, and padding.
  const view = new DataView(new ArrayBuffer(REGISTERS_AT + names.length * 8 + 8));
  view.setUint32(PID_AT, cpu.index + 1, true);
  for (const [index, name] of names.entries()) view.setBigUint64(REGISTERS_AT + index * 8, valueOf(cpu, name), true);
  return new Uint8Array(view.buffer);
}

function qemuState(cpu: CoreCpu): Uint8Array {
  const length = 8 + QEMU_GENERAL.length * 8 + QEMU_SEGMENTS.length * SEGMENT_BYTES + QEMU_CONTROL.length * 8;
  const view = new DataView(new ArrayBuffer(length));
  view.setUint32(0, QEMU_STATE_VERSION, true);
  view.setUint32(4, length, true);
  let at = 8;
  for (const name of QEMU_GENERAL) {
    view.setBigUint64(at, valueOf(cpu, name), true);
    at += 8;
  }
  for (const name of QEMU_SEGMENTS) {
    for (const [index, part] of ['selector', 'limit', 'flags'].entries()) {
      view.setUint32(at + index * 4, Number(BigInt.asUintN(32, valueOf(cpu, `${name}.${part}`))), true);
    }
    view.setBigUint64(at + 16, valueOf(cpu, `${name}.base`), true);
    at += SEGMENT_BYTES;
  }
  for (const name of QEMU_CONTROL) {
    view.setBigUint64(at, valueOf(cpu, name), true);
    at += 8;
  }
  return new Uint8Array(view.buffer);
}

const NOTE_HEAD_BYTES = 12;

/** Elf64_Nhdr, the name with its closing zero, the content; both padded to 4 bytes. */
function note(name: string, type: number, content: Uint8Array): Uint8Array {
  const padded = (length: number): number => Math.ceil(length / 4) * 4;
  const contentAt = NOTE_HEAD_BYTES + padded(name.length + 1);
  const bytes = new Uint8Array(contentAt + padded(content.length));
  const view = new DataView(bytes.buffer);
  view.setUint32(0, name.length + 1, true);
  view.setUint32(4, content.length, true);
  view.setUint32(8, type, true);
  bytes.set(asciiBytes(name), NOTE_HEAD_BYTES);
  bytes.set(content, contentAt);
  return bytes;
}

/** One after another. */
export function joined(parts: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}
