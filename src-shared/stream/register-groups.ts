/** Registers as people look at them: in groups, their flags in words, and what of them is an address. */

export const REGISTER_GROUPS = [
  'general',
  'segments',
  'tables',
  'control',
  'model-specific',
  'debug',
  'system',
] as const;
export type RegisterGroup = (typeof REGISTER_GROUPS)[number];

/** Which group a register is in, by its name as `registers-*.ts` have it; `system`: AArch64's system registers. */
export function registerGroup(name: string): RegisterGroup {
  const [group = '', part] = name.split('.');
  if (part !== undefined) return TABLES.has(group) ? 'tables' : 'segments';
  if (/^(cr\d+|efer|xcr0|mxcsr)$/.test(name)) return 'control';
  if (MODEL_SPECIFIC.has(name)) return 'model-specific';
  if (/^dr\d+$/.test(name)) return 'debug';
  return /_el\d$/.test(name) ? 'system' : 'general';
}

const TABLES = new Set(['gdt', 'idt']);
const MODEL_SPECIFIC = new Set([
  ...['kernelgsbase', 'star', 'lstar', 'cstar', 'fmask'],
  ...['sysenter_cs', 'sysenter_esp', 'sysenter_eip', 'pat', 'tsc'],
]);

/** Bits by their names (Intel SDM vol. 3 chapter 2, AMD APM vol. 2 chapter 3). */
const BITS: Readonly<Record<string, readonly (readonly [number, string])[]>> = {
  rflags: [
    ...([
      [0, 'CF'],
      [2, 'PF'],
      [4, 'AF'],
      [6, 'ZF'],
      [7, 'SF'],
      [8, 'TF'],
      [9, 'IF'],
      [10, 'DF'],
      [11, 'OF'],
    ] as const),
    ...([
      [14, 'NT'],
      [16, 'RF'],
      [17, 'VM'],
      [18, 'AC'],
      [19, 'VIF'],
      [20, 'VIP'],
      [21, 'ID'],
    ] as const),
  ],
  cr0: [
    ...([
      [0, 'PE'],
      [1, 'MP'],
      [2, 'EM'],
      [3, 'TS'],
      [4, 'ET'],
      [5, 'NE'],
      [16, 'WP'],
      [18, 'AM'],
    ] as const),
    ...([
      [29, 'NW'],
      [30, 'CD'],
      [31, 'PG'],
    ] as const),
  ],
  cr4: [
    ...([
      [0, 'VME'],
      [1, 'PVI'],
      [2, 'TSD'],
      [3, 'DE'],
      [4, 'PSE'],
      [5, 'PAE'],
      [6, 'MCE'],
      [7, 'PGE'],
    ] as const),
    ...([
      [8, 'PCE'],
      [9, 'OSFXSR'],
      [10, 'OSXMMEXCPT'],
      [11, 'UMIP'],
      [12, 'LA57'],
      [13, 'VMXE'],
      [14, 'SMXE'],
    ] as const),
    ...([
      [16, 'FSGSBASE'],
      [17, 'PCIDE'],
      [18, 'OSXSAVE'],
      [19, 'KL'],
      [20, 'SMEP'],
      [21, 'SMAP'],
      [22, 'PKE'],
    ] as const),
    ...([
      [23, 'CET'],
      [24, 'PKS'],
    ] as const),
  ],
  efer: [
    [0, 'SCE'],
    [8, 'LME'],
    [10, 'LMA'],
    [11, 'NXE'],
    [12, 'SVME'],
    [13, 'LMSLE'],
    [14, 'FFXSR'],
    [15, 'TCE'],
  ],
  xcr0: [
    ...([
      [0, 'x87'],
      [1, 'SSE'],
      [2, 'AVX'],
      [3, 'BNDREGS'],
      [4, 'BNDCSR'],
      [5, 'opmask'],
      [6, 'ZMM_Hi256'],
    ] as const),
    ...([
      [7, 'Hi16_ZMM'],
      [9, 'PKRU'],
      [17, 'TILECFG'],
      [18, 'TILEDATA'],
    ] as const),
  ],
  // PSTATE as SPSR_EL1 has it (Arm ARM, C5.2.18).
  pstate: [
    [31, 'N'],
    [30, 'Z'],
    [29, 'C'],
    [28, 'V'],
    [9, 'D'],
    [8, 'A'],
    [7, 'I'],
    [6, 'F'],
  ],
  cpsr: [
    [31, 'N'],
    [30, 'Z'],
    [29, 'C'],
    [28, 'V'],
    [9, 'E'],
    [8, 'A'],
    [7, 'I'],
    [6, 'F'],
    [5, 'T'],
  ],
};

const field = (value: bigint, low: number, width: number): number =>
  Number((value >> BigInt(low)) & ((1n << BigInt(width)) - 1n));

/** What the bits of a register say, in words; empty for a register that is a number. */
export function flagWords(name: string, value: bigint): readonly string[] {
  if (name.endsWith('.flags')) return descriptorWords(value);
  const words = (BITS[name === 'eflags' ? 'rflags' : name] ?? [])
    .filter(([bit]) => field(value, bit, 1) === 1)
    .map(([, word]) => word);
  if (name === 'rflags' || name === 'eflags') return [...words, `IOPL ${field(value, 12, 2)}`];
  if (name === 'pstate') return [...words, `EL${field(value, 2, 2)}${field(value, 0, 1) === 1 ? 'h' : 't'}`];
  return words;
}

/** What a segment's hidden part says: the upper half of its descriptor, as QEMU keeps it (target/i386/cpu.h, DESC_*). */
function descriptorWords(value: bigint): readonly string[] {
  if (field(value, 15, 1) === 0) return ['not present'];
  const privilege = `DPL ${field(value, 13, 2)}`;
  if (field(value, 12, 1) === 0) {
    const type = field(value, 8, 4);
    return [SYSTEM_TYPES[type] ?? `type ${type}`, privilege];
  }
  if (field(value, 11, 1) === 0) {
    return [
      field(value, 9, 1) === 1 ? 'data' : 'data, read only',
      ...(field(value, 10, 1) === 1 ? ['grows down'] : []),
      privilege,
    ];
  }
  const width = field(value, 21, 1) === 1 ? '64-bit' : field(value, 22, 1) === 1 ? '32-bit' : '16-bit';
  return [
    field(value, 9, 1) === 1 ? 'code' : 'code, execute only',
    ...(field(value, 10, 1) === 1 ? ['conforming'] : []),
    width,
    privilege,
  ];
}

const SYSTEM_TYPES: Readonly<Record<number, string>> = {
  1: '16-bit TSS',
  2: 'LDT',
  3: '16-bit TSS, busy',
  9: 'TSS',
  11: 'TSS, busy',
};

/** The lowest value that is taken for an address: the first page is no place to point to. */
const LEAST_ADDRESS = 4096n;
const TABLE_ADDRESS = 0x000f_ffff_ffff_f000n;

/**
 * What a register's value leads to: for `virtual` the register itself is the address; `physical` has the address of a table in
 * it. null: it is no address, or none of anything.
 */
export function registerAddress(
  name: string,
  value: bigint,
): { readonly kind: 'virtual' } | { readonly kind: 'physical'; readonly address: bigint } | null {
  if (value < LEAST_ADDRESS) return null;
  if (name === 'cr3') return { kind: 'physical', address: value & TABLE_ADDRESS };
  // The upper 16 bits are the address space's number.
  if (/^ttbr[01]_el\d$/.test(name)) return { kind: 'physical', address: value & 0x0000_ffff_ffff_f000n };
  return VIRTUAL.test(name) ? { kind: 'virtual' } : null;
}

const VIRTUAL =
  /^([re](ax|bx|cx|dx|si|di|bp|sp|ip)|r\d+|x\d+|sp|lr|pc|\w+\.base|cr2|kernelgsbase|[lc]star|sysenter_e[is]p|(sp|elr|far|vbar|tpidr|tpidrro)_el\d)$/;
