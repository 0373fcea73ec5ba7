/** The inspector's disassembly against GNU objdump, on a Linux guest's kernel, firmware and an AArch64 program. */
import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { blockOffset, byteCount, guestPhysical } from '../../src-shared/bytes/units';
import type { CodeMode, CodeQuery, Instruction } from '../../src-shared/contracts/inspector-code';
import type { InspectorPort } from '../../src-shared/contracts/inspector-port';
import { createInspectorCode } from '../../src-worker/inspector/code/code';
import { loadDecoder } from '../../src-worker/inspector/code/capstone';
import { readInstructions } from '../../src-worker/inspector/code/instructions';
import { createInspectorService, type InspectorService } from '../../src-worker/inspector/service';
import { armGuest } from '../support/arm-guest';
import { linuxArgv, linuxGuest } from '../support/linux-guest';
import { objdump, type DumpedInstruction } from '../support/objdump';
import { PlainQemu } from '../support/plain-qemu';
import { SerialConsole } from '../support/serial-console';
import { makeTempDir, removeTempDir } from '../support/temp';

const MIB = 2 ** 20;
const MEMORY_MIB = 384;
const INSTRUCTIONS = 4096;

let folder = '';
let path = '';
let service: InspectorService;
let port: InspectorPort;

beforeAll(async () => {
  folder = await makeTempDir('sfd');
  path = join(folder, 'linux');
  const serial = join(folder, 'serial');
  const argv = linuxArgv(await linuxGuest(), { serial, memoryMiB: MEMORY_MIB });
  const vm = await PlainQemu.start({ argv, folder });
  try {
    const console = await SerialConsole.open(serial);
    try {
      await console.ready();
    } finally {
      console.close();
    }
    await vm.save(`file:${path}`, { mappedRam: true, channels: 2 });
  } finally {
    await vm.stop();
  }
  const { dev, ino } = await stat(path, { bigint: true });
  const length = byteCount(MEMORY_MIB * MIB);
  const map = [{ block: 'pc.ram', blockOffset: blockOffset(0), guestPhysical: guestPhysical(0), length }];
  service = createInspectorService({ path, dev: String(dev), ino: String(ino), name: path, streamOffset: null }, map);
  port = service.api;
}, 180_000);
afterAll(async () => {
  await service?.dispose();
  await removeTempDir(folder);
});

/** What objdump calls an instruction whose operands have another size than the mode has, and string instructions. */
const SIZED = /^(ret|call|lgdt|lidt|push|popa|pusha)d$/;
const STRING = /^(cmps|movs|stos|lods|scas|ins|outs)[bwdq]$/;
const PUSHES = /^(popa|pusha)[lwd]$/;

/** Names that objdump gives a prefix or another form of the same instruction. */
const PREFIXES =
  /^(cs|ds|es|ss|fs|gs|data16|data32|addr16|addr32|rex(\.\w+)?|repz|repnz|rep|repe|repne|lock|bnd|notrack)$/;
const SAME: Readonly<Record<string, string>> = {
  xchg: 'nop',
  movabs: 'mov',
  retf: 'ret',
  lret: 'ret',
  ljmp: 'jmp',
  lcall: 'call',
  fwait: 'wait',
  sal: 'shl',
  iretw: 'iret',
  pushfq: 'pushf',
  popfq: 'popf',
  sysretd: 'sysret',
  'b.cs': 'b.hs',
  'b.cc': 'b.lo',
};
const mnemonic = (words: readonly string[]): string => {
  const word = words.find((one) => !PREFIXES.test(one)) ?? '';
  return SAME[word] ?? SIZED.exec(word)?.[1] ?? STRING.exec(word)?.[1] ?? PUSHES.exec(word)?.[1] ?? word;
};

interface Compared {
  readonly differences: readonly string[];
  readonly compared: number;
  readonly targets: number;
}

/** Instruction by instruction: same place, same length, same mnemonic, same target. */
function compare(
  mine: readonly {
    readonly at: number;
    readonly length: number;
    readonly text: string;
    readonly target: bigint | null;
  }[],
  theirs: readonly DumpedInstruction[],
  width: number,
): Compared {
  const byPlace = new Map(theirs.map((one) => [one.at, one]));
  const differences: string[] = [];
  let targets = 0;
  for (const { at, length, text, target } of mine) {
    const other = byPlace.get(at);
    const words = other?.words.join(' ') ?? 'nothing';
    if (other?.length !== length) differences.push(`${at}: ${text} has ${length} bytes; ${words} has ${other?.length}`);
    else if (mnemonic(text.split(' ')) !== mnemonic(other.words)) differences.push(`${at}: ${text}; ${words}`);
    else if (target !== null) {
      targets++;
      if (BigInt.asUintN(width, target) !== BigInt.asUintN(width, other.target ?? -1n))
        differences.push(`${at}: ${text} goes to ${target.toString(16)}; ${words}`);
    }
  }
  return { differences, compared: mine.length, targets };
}

const ask = (query: Partial<CodeQuery> & Pick<CodeQuery, 'offset'>) =>
  createInspectorCode(service).disassemble({ count: 64, cpu: 0, mode: null, address: null, ...query });

describe('the kernel of a Linux guest', () => {
  it('reads as objdump reads it: lengths, mnemonics and where branches go', async () => {
    // Where system calls come in; text follows it for megabytes.
    const entry = BigInt((await registersOf())['lstar'] ?? 0);
    const code = createInspectorCode(service);
    const found: Instruction[] = [];
    const places: number[] = [];
    let address = entry;
    while (found.length < INSTRUCTIONS) {
      const gva = `0x${address.toString(16)}`;
      const { fileOffset } = await port.translate({ kind: 'gva', gva, cpu: 0 });
      if (fileOffset === null) throw new Error(`${gva} is nowhere`);
      const answer = await code.disassemble({ offset: fileOffset, count: 64, cpu: 0, mode: null, address: gva });
      expect(answer).toMatchObject({ mode: 'x86-64', addresses: 'guest-virtual', end: null });
      expect(answer.why).toContain('EFER.LMA');
      for (const one of answer.instructions) {
        found.push(one);
        places.push(Number(address - entry));
        address += BigInt(one.bytes.length);
      }
    }
    const file = await readFile(path);
    for (const { offset, bytes } of found.slice(0, 500))
      expect(Buffer.from(bytes).equals(file.subarray(offset, offset + bytes.length))).toBe(true);
    const theirs = await objdump(folder, 'x86-64', Buffer.concat(found.map(({ bytes }) => bytes)), entry);
    const mine = found.map(({ bytes, text, target }, index) => ({
      at: places[index] ?? -1,
      length: bytes.length,
      text,
      target: target === null ? null : BigInt(target.address),
    }));
    const { differences, targets } = compare(mine, theirs, 64);
    expect(differences).toEqual([]);
    expect(targets).toBeGreaterThan(300);
    // Calls within the kernel lead to places in the file.
    expect(found.filter(({ target }) => target !== null && target.fileOffset !== null).length).toBeGreaterThan(300);
  });

  it('goes on over a page’s end by the guest’s addresses, and a branch leads where its bytes are', async () => {
    const entry = BigInt((await registersOf())['lstar'] ?? 0);
    const near = entry - (entry % 4096n) + 4096n - 20n;
    const gva = `0x${near.toString(16)}`;
    const { fileOffset } = await port.translate({ kind: 'gva', gva, cpu: 0 });
    const { instructions } = await ask({ offset: fileOffset ?? 0, address: gva, count: 32 });
    const last = instructions.at(-1);
    const length = instructions.reduce((sum, { bytes }) => sum + bytes.length, 0);
    const end = near + BigInt(length - (last?.bytes.length ?? 0));
    expect(length).toBeGreaterThan(40);
    expect((await port.translate({ kind: 'gva', gva: `0x${end.toString(16)}`, cpu: 0 })).fileOffset).toBe(last?.offset);
  });

  it('a page that is not in the file ends the code with a sentence, and so does a hole', async () => {
    const { report } = await port.file();
    const block = report?.ramBlocks.find(({ name }) => name === 'pc.ram');
    const { segments } = await port.layout(block?.pagesOffset ?? 0, 0, 512);
    const present = segments.findIndex(
      ({ pages }, index) => pages?.present === true && segments[index + 1]?.pages?.present === false,
    );
    const absent = segments[present + 1];
    if (absent === undefined) throw new Error('every page is present');
    const none = await ask({ offset: absent.offset, mode: 'x86-64' });
    expect(none.instructions).toEqual([]);
    expect(none.end).toMatch(/^pc\.ram page \d+ is not in the file: zeros in the guest/);
    const before = await ask({ offset: absent.offset - 8, mode: 'aarch64' });
    expect(before.instructions).toHaveLength(2);
    expect(before.end).toBe(none.end);
  });

  it('refuses what is no question', async () => {
    const { size } = await port.file();
    for (const query of [
      { offset: size },
      { offset: -1 },
      { offset: 0.5 },
      { offset: 0, count: 65 },
      { offset: 0, count: 0 },
      { offset: 0, cpu: -1 },
      { offset: 0, mode: 'mips' as CodeMode },
      { offset: 0, address: 'rip' },
    ])
      await expect(ask(query)).rejects.toMatchObject({ failure: { code: 'usage' } });
  });
});

async function registersOf(): Promise<Readonly<Record<string, string>>> {
  const { tree } = port;
  const nodes = (await tree()).flatMap(function all(node): readonly (typeof node)[] {
    return [node, ...node.children.flatMap(all)];
  });
  const registers = nodes.find(({ id }) => id.endsWith('/registers'));
  const { nodes: values } = await port.children(registers?.id ?? '', 0);
  return Object.fromEntries(values.map(({ label, value }) => [label, value ?? '']));
}

describe('other kinds of code', () => {
  async function expectAlike(mode: CodeMode, bytes: Uint8Array, least: number): Promise<void> {
    const decode = await loadDecoder();
    const theirs = await objdump(folder, mode, bytes);
    const mine = readInstructions(decode, mode, bytes, 0n, INSTRUCTIONS);
    // Data between functions is no code, and either may call it what it likes.
    const code = mine.filter(({ text }) => text !== '(bad)');
    const { differences, compared } = compare(code, theirs, mode === 'x86-16' ? 16 : 64);
    expect(compared).toBeGreaterThan(least);
    expect(differences).toEqual([]);
  }

  it('AArch64: a program', async () => {
    const initrd = await readFile((await armGuest()).initrd);
    const elf = initrd.indexOf(Buffer.from('7f454c4602', 'hex'));
    const program = initrd.subarray(elf);
    expect(program.readUInt16LE(18)).toBe(183);
    // Static programs are loaded with their first segment from the beginning of the file.
    const entry = Number(program.readBigUInt64LE(24) % 0x40_0000n);
    await expectAlike('aarch64', program.subarray(entry, entry + INSTRUCTIONS * 4), 3500);
  });

  it('16 bits: the code that a kernel’s image starts with', async () => {
    const image = await readFile((await linuxGuest()).kernel);
    // At 512 it jumps over its header (Documentation/arch/x86/boot.rst).
    expect(image[512]).toBe(0xeb);
    const start = 512 + 2 + image.readUInt8(513);
    await expectAlike('x86-16', image.subarray(start, start + 9000), 2000);
  });

  it('32 bits: what the kernel gives its 32-bit programs (vDSO)', async () => {
    const file = await readFile(path);
    let at = -1;
    do at = file.indexOf(Buffer.from('7f454c4601010100', 'hex'), at + 1);
    while (at >= 0 && file.readUInt16LE(at + 18) !== 3);
    const entry = at + file.readUInt32LE(at + 24);
    expect(at).toBeGreaterThan(0);
    await expectAlike('x86-32', file.subarray(entry, entry + 900), 200);
  });

  it('bytes at random, in every mode, are read to the end', async () => {
    const decode = await loadDecoder();
    const bytes = (await readFile(path)).subarray(MIB, MIB + 8192).map((byte, index) => byte ^ (index * 167));
    for (const mode of ['x86-64', 'x86-32', 'x86-16', 'aarch64'] as const) {
      const read = readInstructions(decode, mode, bytes, 0xffff_ffff_ffff_ff00n, 1_000_000);
      const last = read.at(-1);
      expect(bytes.length - (last === undefined ? 0 : last.at + last.length)).toBeLessThan(15);
      read.reduce((end, { at, length }) => {
        expect(at).toBe(end);
        return at + length;
      }, 0);
    }
  });
});
