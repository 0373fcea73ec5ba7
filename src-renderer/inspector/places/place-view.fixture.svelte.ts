/** Where the cursor is, for tests: changes are noticed as those of the hex view are. */
import type { PlaceView } from './place-state.svelte';

export class FakeView implements PlaceView {
  readonly size = 2 ** 30;
  readonly blocks = [];
  readonly ramMap = [];
  cursor = $state(0x100000);
  block = $state<string | null>('pc.ram');

  readonly prepared: number[] = [];

  prepare(offset: number): void {
    this.prepared.push(offset);
  }

  goTo(offset: number): Promise<void> {
    this.cursor = offset;
    return Promise.resolve();
  }
}
