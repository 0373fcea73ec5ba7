/** How long the guest stood still, by QEMU's own clock. */
import type { Qmp, Unsubscribe } from '../../services';

/** Follows the STOP and RESUME events of one VM. */
export class GuestClock {
  #stoppedAt: number | null = null;
  #stoppedMs = 0;
  #running: boolean;
  readonly #stopListening: Unsubscribe;

  constructor(qmp: Qmp, running: boolean, changed: (running: boolean) => void) {
    this.#running = running;
    this.#stopListening = qmp.onEvent(({ event, at }) => {
      if (event === 'STOP' && this.#running) {
        this.#stoppedAt = at;
        this.#running = false;
        changed(false);
      } else if (event === 'RESUME' && !this.#running) {
        this.#stoppedMs += this.#stoppedAt === null ? 0 : at - this.#stoppedAt;
        this.#stoppedAt = null;
        this.#running = true;
        changed(true);
      }
    });
  }

  get running(): boolean {
    return this.#running;
  }

  /** Milliseconds the guest stood still since the clock began, as of `now` (milliseconds since 1970). */
  stoppedMs(now: number): number {
    return this.#stoppedMs + (this.#stoppedAt === null ? 0 : Math.max(0, now - this.#stoppedAt));
  }

  dispose(): void {
    this.#stopListening();
  }
}
