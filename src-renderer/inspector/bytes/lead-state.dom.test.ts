import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { MAX_LEADS, type Lead } from '@shared/contracts/inspector-leads';
import { LeadState } from './lead-state.svelte';

const lead: Lead = { fileOffset: 4096, block: 'pc.ram', page: 1, present: true, executable: false };
const asked: { addresses: readonly string[]; cpu: number }[] = [];
let state: LeadState;

beforeEach(() => {
  vi.useFakeTimers();
  asked.length = 0;
  state = new LeadState({
    leadsOf: (addresses, cpu) => {
      asked.push({ addresses, cpu });
      if (addresses.includes('0xbad')) return Promise.reject(new Error('the file is gone'));
      return Promise.resolve(addresses.map((address) => (address === '0x0' ? null : lead)));
    },
  });
});
afterEach(() => vi.useRealTimers());
const still = (): Promise<unknown> => vi.advanceTimersByTimeAsync(200);

describe('where addresses in view lead', () => {
  it('is asked in one batch, each address once, when the view stands still', async () => {
    state.want(() => ['0x1'], 0);
    state.want(() => ['0x2', '0x0', '0x2'], 0);
    expect(state.of('0x2')).toBeUndefined();
    await still();
    expect(asked).toEqual([{ addresses: ['0x2', '0x0'], cpu: 0 }]);
    expect([state.of('0x2'), state.of('0x0'), state.of('0x1')]).toEqual([lead, null, undefined]);
  });

  it('is kept, but only for the CPU whose tables say it', async () => {
    state.want(() => ['0x2'], 0);
    await still();
    state.want(() => ['0x2', '0x3'], 0);
    await still();
    state.want(() => ['0x2'], 1);
    expect(state.of('0x2')).toBeUndefined();
    await still();
    expect(asked.map(({ addresses, cpu }) => [...addresses, cpu])).toEqual([
      ['0x2', 0],
      ['0x3', 0],
      ['0x2', 1],
    ]);
  });

  it('is never asked of more addresses than one call takes, nor after it was stopped', async () => {
    const many = Array.from({ length: MAX_LEADS + 10 }, (_, index) => `0x${(index + 1).toString(16)}`);
    state.want(() => many, 0);
    await still();
    expect(asked[0]?.addresses).toHaveLength(MAX_LEADS);
    state.want(() => ['0xffff'], 0);
    state.stop();
    await still();
    expect(asked).toHaveLength(1);
  });

  it('stays unknown when the question fails, and the next one is asked', async () => {
    state.want(() => ['0xbad'], 0);
    await still();
    expect(state.of('0xbad')).toBeUndefined();
    state.want(() => ['0x5'], 0);
    await still();
    expect(state.of('0x5')).toEqual(lead);
  });
});
