import { expect, test } from 'vitest';
import { flagWords, registerAddress, registerGroup } from './register-groups';

test.each([
  ['rax', 'general'],
  ['rflags', 'general'],
  ['x30', 'general'],
  ['pstate', 'general'],
  ['cs.base', 'segments'],
  ['tr.flags', 'segments'],
  ['gdt.limit', 'tables'],
  ['cr3', 'control'],
  ['efer', 'control'],
  ['lstar', 'model-specific'],
  ['dr7', 'debug'],
  ['ttbr0_el1', 'system'],
  ['sp_el0', 'system'],
])('%s is one of the %s', (name, group) => expect(registerGroup(name)).toBe(group));

test.each<[string, bigint, string]>([
  // A running Linux: `info registers` of QEMU shows the same.
  ['rflags', 0x246n, 'PF ZF IF IOPL 0'],
  ['eflags', 0x3002n, 'IOPL 3'],
  ['cr0', 0x80050033n, 'PE MP ET NE WP AM PG'],
  ['efer', 0xd01n, 'SCE LME LMA NXE'],
  ['cr4', 0x6f0n, 'PSE PAE MCE PGE OSFXSR OSXMMEXCPT'],
  // CS and SS as QEMU prints them: 0010 … 00a09b00 DPL=0 CS64 [-RA], 0018 … 00c09300 DPL=0 DS [-WA].
  ['cs.flags', 0xa09b00n, 'code 64-bit DPL 0'],
  ['ss.flags', 0xc09300n, 'data DPL 0'],
  ['cs.flags', 0xc0fb00n, 'code 32-bit DPL 3'],
  ['tr.flags', 0x8b00n, 'TSS, busy DPL 0'],
  ['ldt.flags', 0x8200n, 'LDT DPL 0'],
  ['es.flags', 0n, 'not present'],
  ['pstate', 0x600003c5n, 'Z C D A I F EL1h'],
  ['rax', 0x246n, ''],
])('%s of %d says “%s”', (name, value, words) => expect(flagWords(name, value).join(' ')).toBe(words));

test.each<[string, bigint, string | null]>([
  ['rip', 0xffffffff81000000n, 'virtual'],
  ['gs.base', 0xffff88800f600000n, 'virtual'],
  ['x19', 0xffff800008000000n, 'virtual'],
  ['rax', 2n, null],
  ['rflags', 0x13246n, null],
  ['cs.limit', 0xffffffffn, null],
  ['cr3', 0x8000000003465001n, 'physical 0x3465000'],
  ['ttbr1_el1', 0x0012000041000001n, 'physical 0x41000000'],
])('%s of %d leads to %s', (name, value, to) => {
  const found = registerAddress(name, value);
  const address = found?.kind === 'physical' ? ` 0x${found.address.toString(16)}` : '';
  expect(found === null ? null : `${found.kind}${address}`).toBe(to);
});
