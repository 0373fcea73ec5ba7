/** Which guest-virtual addresses lead to a guest-physical one, by CPU; each CPU's tables are gone through once and kept. */
import { hex } from '@shared/bytes/units';
import { fail } from '@shared/contracts/failure';
import { MAX_ADDRESSES, type VirtualPlace } from '@shared/contracts/inspector-places';
import type { RamRange } from '@shared/contracts/library';
import { FRAME_BYTES, MappedRuns, type RunLimits } from '@shared/guest/mapped-runs';
import { addressSpaceOf } from '@shared/guest/translate';
import { takingTurns } from '../io/turns';
import type { Cpus } from './cpus';
import type { OpenSnapshot } from './open';
import { SavedMemory } from './saved-memory';

/** 512 MiB of tables, enough for a process that uses 256 GiB; and 24 MiB of runs. */
export const RUN_LIMITS: RunLimits = { tables: 131_072, runs: 2 ** 20 };
/** Bytes of runs that are kept, of all CPUs. */
const KEPT_BYTES = 64 * 2 ** 20;

export interface VirtualAddresses {
  /**
   * Of the byte at these guest-physical addresses (a ROM may have several); `why` when there is none. Rejects as
   * `Cpus.registers` and `addressSpaceOf` do.
   */
  of(addresses: readonly number[], cpu: number): Promise<{ readonly found: VirtualPlace | null; readonly why: string }>;
  /** Ends what is under way. */
  dispose(): void;
}

export function createVirtualAddresses(
  snapshot: OpenSnapshot,
  ramMap: readonly RamRange[],
  cpus: Cpus,
  limits: RunLimits = RUN_LIMITS,
): VirtualAddresses {
  /** The CPU that was asked for last is last. */
  const kept = new Map<number, Promise<MappedRuns>>();
  let disposed = false;

  async function collect(cpu: number): Promise<MappedRuns> {
    const space = addressSpaceOf(await cpus.registers(cpu));
    const turn = takingTurns();
    const pause = (): Promise<void> | undefined => {
      if (disposed) throw fail('worker.refused', 'reading page tables', 'the file was closed', 'Open it again.');
      return turn();
    };
    // With memory of its own, so that the translator's stays warm.
    return MappedRuns.collect(new SavedMemory(snapshot, ramMap), space, limits, pause);
  }

  async function runsOf(cpu: number): Promise<MappedRuns> {
    const runs = kept.get(cpu) ?? collect(cpu);
    kept.delete(cpu);
    kept.set(cpu, runs);
    try {
      await runs;
    } catch (error) {
      kept.delete(cpu);
      throw error;
    }
    await letGo(kept, cpu);
    return runs;
  }

  return {
    of: async (addresses, cpu) => {
      const runs = await runsOf(cpu);
      const found = addresses.map((address) => {
        const mapped = runs.of(Math.floor(address / FRAME_BYTES), MAX_ADDRESSES + 1);
        const within = BigInt(address % FRAME_BYTES);
        return { total: mapped.total, list: mapped.pages.map((page) => BigInt(page) * BigInt(FRAME_BYTES) + within) };
      });
      const [first, ...others] = found.flatMap(({ list }) => list);
      if (first !== undefined) {
        const total = found.reduce((sum, one) => sum + one.total, 0);
        const listed = others.sort((a, b) => (a < b ? -1 : 1)).slice(0, MAX_ADDRESSES);
        return { found: { address: hex(first), others: total - 1, listed: listed.map(hex) }, why: '' };
      }
      const why = runs.complete
        ? `Not mapped in cpu ${cpu}.`
        : `Not found in cpu ${cpu}: its page tables go on past the ${limits.tables} tables and ${limits.runs} stretches that are looked at.`;
      return { found: null, why };
    },
    dispose() {
      disposed = true;
      kept.clear();
    },
  };
}

/** Lets runs go that were asked for longest ago, until the rest fits; never those of `cpu`. */
async function letGo(kept: Map<number, Promise<MappedRuns>>, cpu: number): Promise<void> {
  let bytes = 0;
  for (const [other, runs] of [...kept].reverse()) {
    bytes += await runs.then(
      (done) => done.bytes,
      () => 0,
    );
    if (bytes > KEPT_BYTES && other !== cpu) kept.delete(other);
  }
}
