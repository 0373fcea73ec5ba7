/** Waiting for QEMU to have loaded a file, however long that takes, and not for one that hangs. */
import { readFile } from 'node:fs/promises';
import { fail, type StillframeError } from '@shared/contracts/failure';
import type { Qmp } from '../../services';
import { isAtRest, queryMigration } from '../migration';
import { pause } from '../../time/time-limit';

const DOING = 'restoring the VM';
const AS_IT_WAS = 'The snapshot is as it was.';
/** A timer takes no more than 2^31 − 1 ms. */
const NO_LIMIT_MS = 2 ** 31 - 1;
/** How often a QEMU that does not answer is looked at. */
const LOOK_MS = 1000;
/**
 * So much has to be read within the limit to count as going on. An idle QEMU that is asked ten times a second reads a few
 * hundred bytes a second from its own event descriptors.
 */
const LEAST_READ_BYTES = 1024 * 1024;

/**
 * Resolves when QEMU says `completed`. Rejects with `qemu.refused` (QEMU's reason) when it says that the load failed, and with
 * `restore.failed` when for `stallMs` neither the state of the migration changed nor its process read on.
 *
 * QEMU (10.0.2) reads a mapped-ram file in its main thread and answers no monitor meanwhile: 18 s for 3 GiB from a disk of
 * 180 MB/s. So an answer is waited for as long as the process reads. Where /proc does not tell what it reads (a QEMU with
 * capabilities of its own), there is no limit.
 */
export async function untilLoaded(qmp: Qmp, pid: number, stallMs: number): Promise<void> {
  const watch = new StallWatch(() => bytesReadBy(pid), stallMs);
  for (let wait = 5; ; wait = Math.min(wait * 2, 100)) {
    const migration = await watch.during(queryMigration(qmp, NO_LIMIT_MS));
    if (migration.status === 'completed') return;
    // 'none' is what QEMU says until its listener has taken the file up.
    if (isAtRest(migration) && migration.status !== 'none') {
      const what = migration['error-desc'] ?? `QEMU says that its load ${migration.status}`;
      throw fail('qemu.refused', DOING, what, AS_IT_WAS);
    }
    await watch.saw(`${migration.status} ${String(migration.ram?.transferred)}`);
    await pause(wait);
  }
}

class StallWatch {
  #state = '';
  #bytes: number | null = 0;
  #since = performance.now();

  constructor(
    private readonly bytesRead: () => Promise<number | null>,
    private readonly stallMs: number,
  ) {}

  /** Waits for an answer, and no longer than the process goes on. */
  async during<T>(answer: Promise<T>): Promise<T> {
    const settled = answer.then(
      () => true,
      () => true,
    );
    while (!(await Promise.race([settled, pause(Math.min(LOOK_MS, this.stallMs / 4)).then(() => false)])))
      await this.saw(this.#state);
    return answer;
  }

  async saw(state: string): Promise<void> {
    const bytes = await this.bytesRead();
    const goesOn =
      state !== this.#state || bytes === null || this.#bytes === null || bytes - this.#bytes >= LEAST_READ_BYTES;
    if (goesOn) {
      this.#state = state;
      this.#bytes = bytes;
      this.#since = performance.now();
    } else if (performance.now() - this.#since >= this.stallMs) throw stalled(this.stallMs);
  }
}

function stalled(stallMs: number): StillframeError {
  return fail(
    'restore.failed',
    DOING,
    `QEMU has read nothing for ${String(Math.round(stallMs / 1000))} s, and was ended`,
    `${AS_IT_WAS} Look whether the disk it lies on answers, then restore again.`,
  );
}

/** What a process has read since it began, in bytes (proc_pid_io(5), rchar); null when that is not to be seen. */
async function bytesReadBy(pid: number): Promise<number | null> {
  const text = await readFile(`/proc/${String(pid)}/io`, 'utf8').catch(() => '');
  const digits = /^rchar: (\d+)$/m.exec(text)?.[1];
  return digits === undefined ? null : Number(digits);
}
