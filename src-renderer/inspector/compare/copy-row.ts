/** The row with the cursor in both files as text, to tell somebody else of a difference. */
import { hex } from '@shared/bytes/units';
import { asciiChar, hexByte } from '../bytes/byte-text';
import { ROW_BYTES } from './pair-rows';
import type { PairSide } from './pair-side.svelte';
import type { PairState } from './pair-state.svelte';
import { SIDE_SAYS } from './words';

/** Three lines: the place, then the bytes of A and of B, or what is there instead. null while no block is shown. */
export async function rowOfBoth({
  block,
  sides,
  cursor,
}: Pick<PairState, 'block' | 'sides' | 'cursor'>): Promise<string | null> {
  if (block === null || sides === null) return null;
  const inPage = cursor % block.pageSize;
  const start = cursor - (inPage % ROW_BYTES);
  const end = start + Math.min(ROW_BYTES, block.pageSize - (inPage - (inPage % ROW_BYTES)));
  const [a, b] = await Promise.all(sides.map((side) => written(side, start, end)));
  return `${block.name}+${hex(start)}\nA  ${a ?? ''}\nB  ${b ?? ''}\n`;
}

async function written(side: PairSide, start: number, end: number): Promise<string> {
  const state = side.stateAt(start);
  if (state !== 'bytes' && state !== 'unknown') return SIDE_SAYS[state];
  const bytes = [...(await side.read(start, end))];
  return `${bytes.map(hexByte).join(' ')}  ${bytes.map(asciiChar).join('')}`;
}
