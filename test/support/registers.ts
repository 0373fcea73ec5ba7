/** What QEMU's monitor prints for `info registers -a`, by register. Imports nothing from src-*. */

import { expect } from 'vitest';

/** By name; a part of a group as `cs.base`. */
export type RegisterValues = Readonly<Record<string, bigint>>;

/** QEMU's names that are others here, in 32-bit mode and in 64-bit mode. */
const RENAMED: Readonly<Record<string, string>> = {
  ...{ EFL: 'rflags', RFL: 'rflags', EIP: 'rip', RIP: 'rip' },
  ...Object.fromEntries(
    ['AX', 'BX', 'CX', 'DX', 'SI', 'DI', 'BP', 'SP'].map((name) => [`E${name}`, `r${name.toLowerCase()}`]),
  ),
};

/** Registers of each x86 CPU by name; parts of segments as `cs.base`. Vector and floating-point registers are left out. */
export function parseRegisters(text: string): readonly RegisterValues[] {
  return text
    .split(/^CPU#\d+\s*$/m)
    .slice(1)
    .map((cpu) => {
      const found: Record<string, bigint> = {};
      for (const [, name = '', value = ''] of cpu.matchAll(/\b([ER][A-Z]{2}|R\d+ ?|CR\d|DR\d|EFER)\s*=([\da-f]+)/g)) {
        found[RENAMED[name] ?? name.trim().toLowerCase()] = BigInt(`0x${value}`);
      }
      for (const match of cpu.matchAll(/^(ES|CS|SS|DS|FS|GS|LDT|TR) *=([\da-f]{4}) ([\da-f]+) ([\da-f]+) [\da-f]+/gm)) {
        const [, name = '', selector = '', base = '', limit = ''] = match;
        const group = name.toLowerCase();
        found[`${group}.selector`] = BigInt(`0x${selector}`);
        found[`${group}.base`] = BigInt(`0x${base}`);
        found[`${group}.limit`] = BigInt(`0x${limit}`);
      }
      for (const [, name = '', base = '', limit = ''] of cpu.matchAll(/^(GDT|IDT)= +([\da-f]+) ([\da-f]+)/gm)) {
        found[`${name.toLowerCase()}.base`] = BigInt(`0x${base}`);
        found[`${name.toLowerCase()}.limit`] = BigInt(`0x${limit}`);
      }
      return found;
    });
}

/** Registers of one AArch64 CPU. Vector registers are left out. */
export function parseArmRegisters(text: string): RegisterValues {
  const found: Record<string, bigint> = {};
  for (const [, name = '', value = ''] of text.matchAll(/\b(PC|SP|X\d\d|PSTATE)=([\da-f]+)/g)) {
    found[name.toLowerCase().replace(/^x0/, 'x')] = BigInt(`0x${value}`);
  }
  return found;
}

/** Every register that QEMU printed is in the file, with that value. */
export function expectRegisters(ours: Readonly<Record<string, unknown>> | undefined, expected: RegisterValues): void {
  for (const [name, value] of Object.entries(expected)) {
    const [group = '', part] = name.split('.');
    const found = ours?.[group];
    const single = part === undefined ? found : (found as Readonly<Record<string, unknown>> | undefined)?.[part];
    expect(`${name} ${single === undefined ? 'missing' : BigInt(single as number | string)}`).toBe(`${name} ${value}`);
  }
}
