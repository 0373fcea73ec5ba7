import { describe, expect, it, vi } from 'vitest';
import { fail } from '@shared/contracts/failure';
import type { CodeQuery, Disassembly } from '@shared/contracts/inspector-code';
import type { LocateReport, TranslateReport } from '@shared/contracts/inspect';
import { inspectorOf } from '../inspector.fixture';
import { CodeState } from './code-state.svelte';
import { PointerState } from './pointer-state.svelte';

const located: LocateReport = { block: 'pc.ram', page: 1234, guestPhysical: 0, fileOffset: 77, present: true };
const translated = (over: Partial<TranslateReport>): TranslateReport => ({
  ...{ gva: '0x0', cpu: 0, register: null, mode: '', steps: [], mapped: true, why: null, pageSize: 4096 },
  ...{ guestPhysical: 0, block: 'pc.ram', page: 7, fileOffset: 99, present: true, ramMapFrom: 'manifest' },
  ...over,
});

describe('where bytes lead', () => {
  const question = { address: 0x1000n, cpu: 0, hasRamMap: true };

  it('is told both as guest-virtual and as guest-physical', async () => {
    const state = new PointerState(inspectorOf({ translate: async () => translated({}), locate: async () => located }));
    state.follow(question);
    await vi.waitFor(() => expect(state.places).not.toBeNull());
    expect(state.places?.virtual).toEqual({ fileOffset: 99, words: 'pc.ram page 7' });
    expect(state.places?.physical).toEqual({ fileOffset: 77, words: 'pc.ram page 1\u00a0234' });
  });

  it('is nowhere with a reason, never empty', async () => {
    const none = fail('usage', 'locating', 'no RAM is there', 'Ask for another.');
    const state = new PointerState(
      inspectorOf({ translate: async () => translated({ mapped: false }), locate: () => Promise.reject(none) }),
    );
    state.follow(question);
    await vi.waitFor(() => expect(state.places).not.toBeNull());
    expect(state.places?.virtual.words).toBe('not mapped in cpu 0');
    expect(state.places?.physical.words).toBe('no RAM there');
    state.follow({ address: 1n, cpu: null, hasRamMap: false });
    await vi.waitFor(() => expect(state.places?.address).toBe(1n));
    expect(state.places?.virtual.words).toBe('no CPU state is known');
    expect(state.places?.physical.words).toBe('no RAM map is known');
  });
});

describe('instructions at the cursor', () => {
  const answer: Disassembly = { mode: 'x86-64', why: '', addresses: 'file offset', instructions: [], end: null };
  const query: CodeQuery = { offset: 0, count: 12, cpu: 0, mode: null, address: null };

  it('are asked for once the cursor stands still, the last place alone', async () => {
    const asked: number[] = [];
    const state = new CodeState(inspectorOf({ disassemble: async ({ offset }) => (asked.push(offset), answer) }));
    for (const offset of [1, 2, 3]) state.follow({ ...query, offset });
    await vi.waitFor(() => expect(state.found).toBe(answer));
    expect(asked).toEqual([3]);
  });

  it('that cannot be had leave a sentence, and the next answer takes it away', async () => {
    let broken = true;
    const state = new CodeState(
      inspectorOf({
        disassemble: () =>
          broken
            ? Promise.reject(fail('internal', 'disassembling', 'it fell over', 'Try again.'))
            : Promise.resolve(answer),
      }),
    );
    state.follow(query);
    await vi.waitFor(() => expect(state.failure).toContain('it fell over'));
    broken = false;
    state.follow(query);
    await vi.waitFor(() => expect(state.failure).toBeNull());
  });
});
