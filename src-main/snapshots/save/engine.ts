/** What every engine offers a save: getting the VM's memory into the target file. */
import type { EngineName, FlushPolicy, SaveOptions } from '@shared/contracts/saves';
import type { BlockDigests } from '@shared/mapped-ram/digests-file';
import type { SaveContext } from './context';
import type { GuestClock } from './guest-clock';
import type { Moment } from './moment';
import type { SaveWorker } from './save-worker';
import type { OpenTarget } from './open-target';
import type { UndoStep } from './undo';

/** What was taken out of the VM. */
export interface Written {
  readonly bytes: number;
  readonly pages: number;
  /** Why a live save was finished with the guest paused; null when it was not. */
  readonly finishedPaused: string | null;
  /** Lets a guest that ran go on; only due after success when the person wants it to run. */
  readonly resume: UndoStep;
  /** Recorded already while the memory was written; null: it is still to be recorded, before the guest goes on. */
  readonly moment: Moment | null;
  /** Empty where the engine takes none. */
  readonly digests: readonly BlockDigests[];
}

/** A save that is ready: the file is there, and nothing of the guest was touched yet. */
export interface PreparedSave {
  readonly target: OpenTarget;
  readonly directIo: boolean;
  /** Puts QEMU's settings back and takes the file from it; due as soon as QEMU has done its part. */
  readonly putBack: readonly UndoStep[];
  /**
   * Stops the guest where that is asked for, and returns when its memory and state have been taken. The guest may go on from
   * then on; on failure and cancel the undo stack lets a guest that ran run again.
   */
  write(clock: GuestClock): Promise<Written>;
  /** Makes the file whole: what could wait until the guest went on. */
  finish(): Promise<void>;
}

export interface Engine {
  readonly name: EngineName;
  /** Makes everything ready while the guest still runs. QEMU's refusals come here. */
  prepare(context: SaveContext, worker: SaveWorker): Promise<PreparedSave>;
}

/** The policy that `auto` stands for, and what becomes of `direct` where the file system refuses it. */
export function flushPolicy({ flush }: Pick<SaveOptions, 'flush'>, directIo: boolean): FlushPolicy {
  if (flush === 'auto' || flush === 'direct') return directIo ? 'direct' : 'ranged';
  return flush;
}

/** Whether direct I/O is to be tried: the policy `direct` is a wish for it. */
export const wantsDirectIo = ({ flush, directIo }: Pick<SaveOptions, 'flush' | 'directIo'>): boolean =>
  directIo || flush === 'direct';
