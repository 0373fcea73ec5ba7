/** Turns QEMU's running totals into what a person watches: passes, rates, time left. No I/O, no clock of its own. */
import type { SavePass } from '@shared/contracts/saves';
import { Rate } from '@shared/multifd/rate';
import type { Migration } from '../migration';

/** What one answer of `query-migrate` says about progress. */
export interface WritingProgress {
  readonly pass: number;
  readonly passes: readonly SavePass[];
  readonly bytesWritten: number;
  readonly bytesRemaining: number | null;
  readonly pagesWritten: number;
  readonly pageSize: number;
  readonly bytesPerSecond: number;
  readonly pagesPerSecond: number;
  readonly dirtyBytesPerSecond: number | null;
  readonly secondsLeft: number | null;
  readonly phaseFraction: number | null;
}

type Ram = NonNullable<Migration['ram']>;

/** Totals at the start of a pass. */
interface PassStart {
  readonly at: number;
  readonly pages: number;
  readonly bytes: number;
  readonly zero: number;
}

const PASSES_KEPT = 1000;

export class PassMeter {
  readonly #bytesRate = new Rate();
  readonly #writtenRate = new Rate();
  readonly #paceRate = new Rate();
  #ended: SavePass[] = [];
  #number = 1;
  #start: PassStart = { at: 0, pages: 0, bytes: 0, zero: 0 };
  #total = 0;

  /** `at`: milliseconds since writing began; `stopped`: the guest cannot dirty pages any more. */
  push(at: number, ram: Ram, stopped: boolean): WritingProgress {
    const number = Math.max(1, ram['dirty-sync-count']);
    if (number > this.#number) this.#endPass(number, at, ram);
    this.#total = Math.max(this.#total, ram.total);
    const bytesPerSecond = this.#bytesRate.push(at, ram.transferred);
    const pace = this.#paceRate.push(at, ram.normal + ram.duplicate) * ram['page-size'];
    const dirtied = stopped ? 0 : dirtyRate(ram);
    return {
      pass: number,
      passes: [...this.#ended, this.#passSoFar(at, ram, null)],
      bytesWritten: ram.transferred,
      bytesRemaining: ram.remaining,
      pagesWritten: ram.normal,
      pageSize: ram['page-size'],
      bytesPerSecond,
      pagesPerSecond: this.#writtenRate.push(at, ram.normal),
      dirtyBytesPerSecond: dirtied,
      secondsLeft: secondsLeft(ram.remaining, pace, dirtied),
      phaseFraction: this.#total === 0 ? null : Math.min(1, Math.max(0, 1 - ram.remaining / this.#total)),
    };
  }

  /**
   * A new pass has begun. What was written until now belongs to the one before: QEMU announces a pass as it begins, so
   * hardly anything of the new one is in these totals. What is left to write is what the guest dirtied meanwhile.
   */
  #endPass(next: number, at: number, ram: Ram): void {
    const dirtied = Math.round(ram.remaining / ram['page-size']);
    this.#ended = [...this.#ended, this.#passSoFar(at, ram, dirtied)].slice(-PASSES_KEPT);
    this.#number = next;
    this.#start = { at, pages: ram.normal, bytes: ram.transferred, zero: ram.duplicate };
  }

  #passSoFar(at: number, ram: Ram, pagesDirtied: number | null): SavePass {
    return {
      number: this.#number,
      pagesWritten: ram.normal - this.#start.pages,
      bytesWritten: ram.transferred - this.#start.bytes,
      zeroPages: ram.duplicate - this.#start.zero,
      pagesDirtied,
      milliseconds: at - this.#start.at,
    };
  }
}

/** QEMU measures it once a pass; before that it is unknown. */
const dirtyRate = (ram: Ram): number | null =>
  ram['dirty-sync-count'] < 2 ? null : ram['dirty-pages-rate'] * ram['page-size'];

/**
 * The remaining bytes at the present pace, zero pages included, since they are part of what remains. null where nothing is
 * known yet and where the guest dirties at least as fast as it is written: a number would be a guess.
 */
function secondsLeft(remaining: number, pacePerSecond: number, dirtied: number | null): number | null {
  const pace = pacePerSecond - (dirtied ?? 0);
  return pace <= 0 ? null : remaining / pace;
}
