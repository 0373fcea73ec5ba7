/** The file's layout around places, asked of the worker: of questions that wait the last counts, and one is asked in advance. */
import { MAX_SEGMENTS, type InspectorPort, type Segment } from '@shared/contracts/inspector-port';
import { Latest } from './latest';

/** Segments of the first look: some screens. */
const SEGMENTS_AT_FIRST = 80;
/** Segments at the file's end that are kept, so that its last screen can be told at any time. */
const ASK_AT_END = 128;

type Port = Pick<InspectorPort, 'layout'>;

/** The file's first and last segments. */
export interface FirstLook {
  readonly first: readonly Segment[];
  readonly end: readonly Segment[];
}

/** Asks for what a view begins with. It can be asked before the file's size is known. */
export async function firstLook(port: Port): Promise<FirstLook> {
  const [first, end] = await Promise.all([
    port.layout(0, 0, SEGMENTS_AT_FIRST),
    port.layout(Number.MAX_SAFE_INTEGER, ASK_AT_END, 0),
  ]);
  return { first: first.segments, end: end.segments };
}

/** How many segments are asked for on either side of the one around a place. */
export interface Around {
  readonly before: number;
  readonly after: number;
}

export class AskedLayout {
  readonly #latest: Latest<Around & { readonly offset: number }, readonly Segment[]>;
  #prepared: { readonly offset: number; readonly segments: Promise<readonly Segment[] | null> } | null = null;

  constructor(port: Port) {
    this.#latest = new Latest(async ({ offset, before, after }) => {
      const most = (count: number): number => Math.min(MAX_SEGMENTS, count);
      return (await port.layout(offset, most(before), most(after))).segments;
    });
  }

  /** Asks in advance for a place that is about to be asked for; null when something else was asked meanwhile, or it failed. */
  async prepare(offset: number, around: Around): Promise<readonly Segment[] | null> {
    // That it cannot be had is told to who goes there.
    const segments = this.#latest.answer({ offset, ...around }).catch(() => null);
    const mine = (this.#prepared = { offset, segments });
    const found = await segments;
    return this.#prepared === mine ? found : null;
  }

  /** The segments around a place; null when nobody wants them any more. Rejects as `layout` does. */
  async around(offset: number, around: Around, isWanted: () => boolean): Promise<readonly Segment[] | null> {
    const prepared = this.#prepared?.offset === offset ? this.#prepared : null;
    if (prepared !== null) this.#prepared = null;
    let segments = prepared === null ? null : await prepared.segments;
    // What else the view wants to know may have overtaken the question; a later move ends it.
    while (segments === null && isWanted()) segments = await this.#latest.answer({ offset, ...around });
    return isWanted() ? segments : null;
  }
}
