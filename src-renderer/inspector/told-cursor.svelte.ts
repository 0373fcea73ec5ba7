/**
 * The cursor as all that stands beside the bytes tells it: a frame behind the bytes, so that those are drawn first. Telling
 * of a new place takes the page as long as drawing its rows (5 ms each, measured in Electron 33 on two cores).
 */
import { untrack } from 'svelte';
import type { Segment } from '@shared/contracts/inspector-port';
import { afterFrame } from '../lib/after-frame';
import type { HexState, Selection } from './bytes/hex-state.svelte';

type Cursor = Pick<HexState, 'cursor' | 'selection' | 'segment'>;

export class ToldCursor {
  readonly #end: () => void;
  /** File offset. */
  offset = $state(0);
  selection = $state.raw<Selection>({ from: 0, to: 1 });
  /** The segment that it is in; null in an empty file. */
  segment = $state.raw<Segment | null>(null);

  /** Follows until `close`. */
  constructor(hex: Cursor) {
    this.#end = $effect.root(() => {
      $effect(() => {
        const { cursor, selection, segment } = hex;
        const tell = (): void => this.#tell(cursor, selection, segment);
        if (untrack(() => this.segment) !== null) return afterFrame(tell);
        // What is known when it begins is told at once.
        tell();
        return undefined;
      });
    });
  }

  close(): void {
    this.#end();
  }

  #tell(offset: number, selection: Selection, segment: Segment | null): void {
    this.offset = offset;
    this.selection = selection;
    this.segment = segment;
  }
}
