/** The hex view's state: what is at the top, where the cursor is, what is selected; and the moves that change them. */
import type { InspectorPort, Segment } from '@shared/contracts/inspector-port';
import { hex } from '@shared/bytes/units';
import { fail } from '@shared/contracts/failure';
import { ByteCache } from './byte-cache';
import { emptyHistory, left, back, forward, type History } from './history';
import { joined } from './layout-span';
import { moved, type Move } from './moves';
import { Rows, keyOf, rowOffset, rowsFrom, step, type Row, type RowKey } from './rows';
import type { Structure } from '../tree/structure';

/** Segments asked for at once. Each is at least one row, so half a screen is always at hand on either side. */
const ASK_BEFORE = 128;
const ASK_AFTER = 256;
/** Opening a place can take three steps: left-over bytes, the page in them, and the row itself. */
const MOST_OPENINGS = 3;

const vertical: ReadonlySet<Move> = new Set<Move>(['up', 'down', 'page-up', 'page-down']);
const isUp = (move: Move): boolean => move === 'left' || move === 'up' || move === 'page-up';

/** Bytes selected: from the anchor to the cursor, both included. */
export interface Selection {
  readonly from: number;
  readonly to: number;
}

export class HexState {
  readonly cache: ByteCache;
  readonly structure: Structure;
  readonly size: number;
  readonly #port: InspectorPort;
  readonly #onFailure: (error: unknown) => void;

  fold = $state(true);
  overlay = $state(true);
  /** Whole rows that fit the view. */
  visible = $state(30);
  cursor = $state(0);
  anchor = $state(0);
  top = $state.raw<RowKey>({ from: 0, opening: false });
  history = $state.raw<History>(emptyHistory);
  /** Counts up whenever bytes arrive, so that what reads the cache is drawn again. */
  arrivals = $state(0);
  /** Inside a hole the scroll bar stays where it was put, though the row at the top is the hole's one row. */
  #dragged = $state<number | null>(null);
  #span = $state.raw<readonly Segment[]>([]);
  #endSpan = $state.raw<readonly Segment[]>([]);
  #opened = $state.raw<ReadonlySet<number>>(new Set());
  /** The column that moving up and down keeps. */
  #column = 0;
  /** The latest move: an answer to an earlier one is dropped. */
  #turn = 0;

  readonly #rules = $derived.by(() => ({
    fold: this.fold,
    opened: this.#opened,
    longFields: this.structure.longFields,
  }));
  readonly rows = $derived(new Rows(this.#span, this.#rules));
  /** One row more than fits whole. */
  readonly shown: readonly Row[] = $derived(rowsFrom(this.rows, this.top, this.visible + 1));
  readonly selection: Selection = $derived({
    from: Math.min(this.anchor, this.cursor),
    to: Math.max(this.anchor, this.cursor) + 1,
  });
  /** The top row when the view is scrolled to the end. */
  readonly lastTop: RowKey = $derived.by(() => {
    const rows = new Rows(this.#endSpan, this.#rules);
    const last = rows.at(this.size - 1);
    return last === null ? { from: 0, opening: false } : keyOf(step(rows, last, 1 - this.visible).row);
  });
  /** 0 … 1: where the view is between the file's first row and its last screen. */
  readonly progress: number = $derived(
    this.lastTop.from === 0 ? 0 : Math.min(1, (this.#dragged ?? this.top.from) / this.lastTop.from),
  );

  constructor(port: InspectorPort, size: number, structure: Structure, onFailure: (error: unknown) => void) {
    this.#port = port;
    this.size = size;
    this.structure = structure;
    this.#onFailure = onFailure;
    this.cache = new ByteCache(
      (offset, length) => this.#read(offset, length),
      () => (this.arrivals += 1),
      onFailure,
    );
  }

  /** Learns the first and the last rows. */
  async start(): Promise<void> {
    if (this.size === 0) return;
    const end = await this.#port.layout(this.size - 1, ASK_BEFORE, 0);
    this.#endSpan = end.segments;
    await this.#learn(0);
  }

  /** The segment around the cursor, when it is at hand. */
  get segment(): Segment | null {
    return this.rows.segmentAt(this.cursor);
  }

  /** Says how many whole rows fit; a view that has become taller at the end of the file shows rows above instead of none. */
  fit(visible: number): void {
    this.visible = visible;
    if (this.size > 0 && this.#isPast(this.top)) void this.scrollBy(0);
  }

  /** Puts the cursor on `offset`, opens what hides it, and scrolls only if it is out of view. Notes the place it left. */
  async goTo(offset: number, length = 1): Promise<void> {
    const from = this.cursor;
    if (await this.#show(offset, length)) this.history = left(this.history, from);
  }

  async goBack(): Promise<void> {
    const found = back(this.history, this.cursor);
    if (found !== null && (await this.#show(found.to, 1))) this.history = found.history;
  }

  async goForward(): Promise<void> {
    const found = forward(this.history, this.cursor);
    if (found !== null && (await this.#show(found.to, 1))) this.history = found.history;
  }

  /** Moves the cursor by a key; `select` keeps the other end of the selection. */
  async move(move: Move, select: boolean): Promise<void> {
    const turn = (this.#turn += 1);
    await this.#guard(async () => {
      let result = moved(this.rows, this.cursor, move, this.#column, Math.max(1, this.visible - 1));
      if (result.beyond && (this.rows.at(this.cursor) === null || this.#canGrow(isUp(move)))) {
        await this.#learn(result.offset);
        if (turn !== this.#turn) return;
        result = moved(this.rows, this.cursor, move, this.#column, Math.max(1, this.visible - 1));
      }
      this.#place(result.offset, 1, select, vertical.has(move));
      await this.#reveal(turn, 'nearest');
    });
  }

  /** Puts the cursor where a pointer is; what is under it is in view already. */
  point(offset: number, select: boolean): void {
    this.#turn += 1;
    this.#place(offset, 1, select, false);
  }

  /** Opens a fold, or left-over bytes. */
  open(row: Row): void {
    if (row.kind === 'fold' || row.kind === 'stale') this.#opened = new Set([...this.#opened, row.from]);
  }

  setFold(fold: boolean): void {
    this.fold = fold;
    this.#opened = new Set();
  }

  /** Scrolls by rows, down when positive. */
  async scrollBy(count: number): Promise<void> {
    const turn = (this.#turn += 1);
    this.#dragged = null;
    await this.#guard(async () => {
      const row = this.rows.find(this.top);
      if (row === null) return;
      let result = step(this.rows, row, count);
      if (result.stopped && this.#canGrow(count < 0)) {
        await this.#learn(result.row.from);
        const again = this.rows.find(this.top);
        if (turn !== this.#turn || again === null) return;
        result = step(this.rows, again, count);
      }
      this.#setTop(keyOf(result.row));
      await this.#learnAhead();
    });
  }

  /** Scrolls to a share of the file, 0 … 1. */
  async scrollTo(share: number): Promise<void> {
    const turn = (this.#turn += 1);
    const offset = Math.round(this.lastTop.from * Math.min(1, Math.max(0, share)));
    await this.#guard(async () => {
      if (share >= 1) await this.#learn(this.lastTop.from);
      else await this.#learn(offset);
      if (turn !== this.#turn) return;
      const row = this.rows.at(offset);
      this.#setTop(share >= 1 || row === null ? this.lastTop : keyOf(row));
      this.#dragged = offset;
      await this.#learnAhead();
    });
  }

  /** To the present page before or after the cursor. */
  async goToPresentPage(direction: 1 | -1): Promise<void> {
    await this.#guard(async () => {
      const offset = await this.#port.presentPage(this.cursor, direction);
      if (offset !== null) await this.goTo(offset);
    });
  }

  /** Says which bytes the view needs now: the rows in view and what is at the cursor. */
  want(cursorBytes: number): void {
    const ranges = this.shown.filter(({ kind }) => kind === 'bytes').map(({ from, to }) => ({ from, to }));
    this.cache.want([...ranges, { from: this.cursor, to: Math.min(this.size, this.cursor + cursorBytes) }]);
  }

  /** Reads for the cache. What the file had when it was opened and has no more is told; the rest is shown. */
  async #read(offset: number, length: number): Promise<Uint8Array> {
    const bytes = await this.#port.bytes(offset, length);
    if (offset + bytes.length < Math.min(this.size, offset + length)) {
      const what = `the file is shorter than the ${hex(this.size)} bytes that it had when it was opened`;
      this.#onFailure(fail('file.changed', 'reading the file', what, 'Open it again.'));
    }
    return bytes;
  }

  async #show(offset: number, length: number): Promise<boolean> {
    const turn = (this.#turn += 1);
    let shown = false;
    await this.#guard(async () => {
      await this.#learn(offset);
      if (turn !== this.#turn) return;
      for (let tries = 0; tries < MOST_OPENINGS; tries += 1) {
        const row = this.rows.at(offset);
        if (row !== null) this.open(row);
      }
      this.#place(offset, length, false, false);
      await this.#reveal(turn, 'third');
      shown = true;
    });
    return shown;
  }

  #place(offset: number, length: number, select: boolean, keepColumn: boolean): void {
    this.cursor = Math.min(Math.max(0, offset), Math.max(0, this.size - 1));
    if (!select) this.anchor = Math.min(this.cursor + Math.max(1, length) - 1, Math.max(0, this.size - 1));
    if (!keepColumn) this.#column = this.cursor - rowOffset(this.cursor);
  }

  /** Scrolls so that the cursor's row is in view: no farther than needed, or with room above it. */
  async #reveal(turn: number, how: 'nearest' | 'third'): Promise<void> {
    await this.#learnAround(this.cursor);
    const row = this.rows.at(this.cursor);
    if (turn !== this.#turn || row === null) return;
    const whole = this.shown.slice(0, this.visible);
    if (whole.some(({ kind, from }) => kind !== 'page' && from === row.from)) return;
    this.#dragged = null;
    const above = row.from < this.top.from;
    const room = how === 'third' ? Math.floor(this.visible / 3) : above ? 0 : this.visible - 1;
    this.#setTop(keyOf(step(this.rows, row, -room).row));
    await this.#learnAhead();
  }

  #isPast({ from, opening }: RowKey): boolean {
    const { lastTop } = this;
    return from > lastTop.from || (from === lastTop.from && lastTop.opening && !opening);
  }

  #setTop(key: RowKey): void {
    this.top = this.#isPast(key) ? this.lastTop : key;
  }

  /** True when there is more of the file in that direction than is at hand. */
  #canGrow(up: boolean): boolean {
    return up ? this.rows.from > 0 : this.rows.to < this.size;
  }

  async #learn(offset: number): Promise<void> {
    const { segments } = await this.#port.layout(offset, ASK_BEFORE, ASK_AFTER);
    this.#span = joined(this.#span, segments, offset);
  }

  /** Learns what is around `offset` unless a screen on either side is at hand. */
  async #learnAround(offset: number): Promise<void> {
    const row = this.rows.at(offset);
    if (row === null) return this.#learn(offset);
    const lacksAbove = this.rows.from > 0 && step(this.rows, row, -this.visible).stopped;
    const lacksBelow = this.rows.to < this.size && step(this.rows, row, this.visible).stopped;
    if (lacksAbove || lacksBelow) await this.#learn(offset);
  }

  /** Learns what comes next, before the view gets there. */
  async #learnAhead(): Promise<void> {
    await this.#learnAround(this.shown.at(-1)?.from ?? this.top.from);
    await this.#learnAround(this.top.from);
  }

  async #guard(work: () => Promise<void>): Promise<void> {
    try {
      await work();
    } catch (error) {
      this.#onFailure(error);
    }
  }
}
