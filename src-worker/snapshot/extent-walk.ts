import type { ByteSource, Extent } from '@shared/bytes/source';
import { fileOffset } from '@shared/bytes/units';

/** Walks a file's extents forward beside something else, so that each extent is asked for once. */
export class ExtentWalk {
  readonly #source: ByteSource;
  #kind: Extent['kind'] = 'data';
  #end = 0;

  constructor(source: ByteSource) {
    this.#source = source;
  }

  /** Tells what is data and what is a hole between two offsets; calls go forward. What lies past the file's end is a hole. */
  async within(
    start: number,
    end: number,
    visit: (kind: Extent['kind'], start: number, end: number) => void,
  ): Promise<void> {
    for (let at = start; at < end;) {
      if (at >= this.#end) await this.#ask(at);
      const stop = Math.min(end, this.#end);
      visit(this.#kind, at, stop);
      at = stop;
    }
  }

  async #ask(at: number): Promise<void> {
    const extent = await this.#source.extentAt(fileOffset(at));
    this.#kind = extent?.kind ?? 'hole';
    this.#end = extent === null ? Number.MAX_SAFE_INTEGER : extent.offset + extent.length;
  }
}
