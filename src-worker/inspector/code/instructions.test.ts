import { describe, expect, it } from 'vitest';
import type { CodeMode } from '@shared/contracts/inspector-code';
import { loadDecoder } from './capstone';
import { readInstructions } from './instructions';

const read = async (mode: CodeMode, bytes: readonly number[], address: bigint, count = 16) =>
  readInstructions(await loadDecoder(), mode, Uint8Array.from(bytes), address, count);
const NOP = 0x90;
const padded = (bytes: readonly number[]): number[] => [...bytes, ...Array<number>(20).fill(NOP)];

describe('instructions', () => {
  it('name where branches go by the address they were given', async () => {
    const [jump, call] = await read('x86-64', [0xeb, 0xfe, 0xe8, 1, 0, 0, 0], 0xffff_ffff_8100_0000n);
    expect(jump).toEqual({ at: 0, length: 2, text: 'jmp 0xffffffff81000000', target: 0xffff_ffff_8100_0000n });
    expect(call).toMatchObject({ text: 'call 0xffffffff81000008', target: 0xffff_ffff_8100_0008n });
  });

  it('of 16 bits branch within their segment, at whatever linear address that is', async () => {
    const [jump] = await read('x86-16', [0xeb, 0xfe], 0xf_fff0n);
    expect(jump).toMatchObject({ text: 'jmp 0xffff0', target: 0xf_fff0n });
    const [back] = await read('x86-16', [0xe9, 0x00, 0xff], 0xc_0005n);
    expect(back?.target).toBe(0xb_ff08n);
  });

  it('of AArch64 name the last operand', async () => {
    const [test] = await read('aarch64', [0x41, 0, 0, 0x36], 0x1000n);
    expect(test).toMatchObject({ text: 'tbz w1, #0, #0x1008', target: 0x1008n });
  });

  it('that are none are passed over, a byte at a time, four in AArch64', async () => {
    const [bad, next] = await read('x86-64', padded([0x06]), 0n);
    expect([bad?.text, bad?.length, next?.text]).toEqual(['(bad)', 1, 'nop']);
    expect(await read('aarch64', [0, 0, 0, 0, 0x1f, 0x20, 0x03, 0xd5], 0n)).toMatchObject([
      { at: 0, length: 4 },
      { at: 4, length: 4, text: 'nop' },
    ]);
  });

  it('that are cut by the end are left out, and no more come than were asked for', async () => {
    expect(await read('x86-64', [NOP, 0x48, 0xb8, 1, 2], 0n)).toHaveLength(1);
    expect(await read('x86-64', padded([]), 0n, 3)).toHaveLength(3);
    expect(await read('x86-64', [], 0n)).toEqual([]);
  });
});
