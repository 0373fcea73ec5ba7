/** The hex view's state: what is at the top, where the cursor is, what is selected; and the moves that change them. */
import type { InspectorPort, Segment, Stretch } from '@shared/contracts/inspector-port';
import { hex } from '@shared/bytes/units';
import { fail } from '@shared/contracts/failure';
import { AskedLayout, type Around, type FirstLook } from './asked-layout';
import { ByteCache, CHUNK_BYTES, type ByteRange } from './byte-cache';
import { emptyHistory, left, back, forward, type History } from './history';
import { joined } from './layout-span';
import { moved, type Move, type Moved } from './moves';
import { Rows, areSame, keyOf, rowOffset, rowsFrom, step, type Row, type RowKey, type RowWidth } from './rows';
import type { Structure } from '../tree/structure';

/** Segments asked for beyond a screen. Each segment is at least one row, so a screen is at hand on either side. */
const ASK_BEYOND = 16;
/** Bytes beside a row that are read for what stands next to it. */
const BESIDE_BYTES = 64;
/** Chunks of bytes behind a place that is jumped to which are read at once: a screen has few pages. */
const NEAR_CHUNKS = 3;
/** How long bytes of a place that is jumped to are waited for; after that its rows are drawn without them. */
const PATIENCE_MS = 30;
/** Opening a place can take three steps: left-over bytes, the page in them, and the row itself. */
const MOST_OPENINGS = 3;

const vertical: ReadonlySet<Move> = new Set<Move>(['up', 'down', 'page-up', 'page-down']);
const isUp = (move: Move): boolean => move === 'left' || move === 'up' || move === 'page-up';

/** What nearly always makes a screen, since most segments are pages of a dozen rows; asked for while the bar is dragged. */
const GLANCE: Around = { before: 1, after: 12 };

/** True when there is more of the file in that direction than these rows. */
const canGrow = (rows: Rows, up: boolean, size: number): boolean => (up ? rows.from > 0 : rows.to < size);

const rangesOf = (rows: readonly Row[]): readonly ByteRange[] => rows.filter(({ kind }) => kind === 'bytes');

/** What rows depend on besides the file, and how many fit. */
export interface Arrangement {
  readonly columns: RowWidth;
  readonly fold: boolean;
  /** Folds and left-over bytes that were opened, by their first offset. */
  readonly opened: ReadonlySet<number>;
  readonly visible: number;
}

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
  readonly #layout: AskedLayout;

  fold = $state(true);
  overlay = $state(true);
  /** Bytes in a row. */
  columns = $state<RowWidth>(16);
  /** Whole rows that fit the view. */
  visible = $state(30);
  cursor = $state(0);
  anchor = $state(0);
  top = $state.raw<RowKey>({ from: 0, opening: false });
  history = $state.raw<History>(emptyHistory);
  /** Counts up whenever bytes arrive that are in view or at the cursor, so that what reads the cache is drawn again. */
  arrivals = $state(0);
  /** Inside a hole the scroll bar stays where it was put, though the row at the top is the hole's one row. */
  #dragged = $state<number | null>(null);
  #span = $state.raw<readonly Segment[]>([]);
  #endSpan = $state.raw<readonly Segment[]>([]);
  #opened = $state.raw<ReadonlySet<number>>(new Set());
  /** The segment that the cursor is in. It stays when the view is scrolled away from it. */
  #here = $state.raw<Segment | null>(null);
  /** The column that moving up and down keeps. */
  #column = 0;
  /** The latest move: an answer to an earlier one is dropped. */
  #turn = 0;
  /** Where the scroll bar is, when the view is not there yet, and the turn of the move that takes it there. */
  #wished: number | null = null;
  #following: { readonly turn: number; readonly done: Promise<void> } | null = null;
  #cursorBytes = 1;

  readonly #rules = $derived.by(() => ({
    width: this.columns,
    fold: this.fold,
    opened: this.#opened,
    longFields: this.structure.longFields,
  }));
  readonly rows = $derived(new Rows(this.#span, this.#rules));
  #lastShown: readonly Row[] = [];
  /** One row more than fits whole. Learning of rows elsewhere does not change it: all that is drawn follows from it. */
  readonly shown: readonly Row[] = $derived.by(() => {
    const rows = rowsFrom(this.rows, this.top, this.visible + 1);
    if (!areSame(rows, this.#lastShown)) this.#lastShown = rows;
    return this.#lastShown;
  });
  /** The row that the cursor is in, also when it is out of view. */
  readonly cursorRow: Row | null = $derived(
    this.#here === null ? null : new Rows([this.#here], this.#rules).at(this.cursor),
  );
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
  /** The offset that the scroll bar stands for: in the row at the top, not always its first byte. */
  readonly place: number = $derived(this.#dragged ?? this.top.from);
  /** 0 … 1: where that is between the file's first row and the top of its last screen. */
  readonly progress: number = $derived(this.lastTop.from === 0 ? 0 : Math.min(1, this.place / this.lastTop.from));

  constructor(port: InspectorPort, size: number, structure: Structure, onFailure: (error: unknown) => void) {
    this.#port = port;
    this.size = size;
    this.structure = structure;
    this.#onFailure = onFailure;
    this.#layout = new AskedLayout(port);
    this.cache = new ByteCache(
      (wanted) => this.#read(wanted),
      (chunks) => this.#tell(chunks),
      onFailure,
    );
  }

  /** Takes what was seen of the file, and learns the bytes of its first rows, so that they are drawn once. */
  async start({ first, end }: FirstLook): Promise<void> {
    if (this.size === 0) return;
    this.#endSpan = end;
    this.#span = first;
    this.#here = this.rows.segmentAt(this.cursor);
    await this.#bytesOf(this.rows, this.top);
    this.cache.expect([]);
  }

  /** Counts up with every move, so that whoever moves the view can tell whether somebody else did since. */
  get turn(): number {
    return this.#turn;
  }

  get arrangement(): Arrangement {
    return { columns: this.columns, fold: this.fold, opened: this.#opened, visible: this.visible };
  }

  /** The segment around the cursor. */
  get segment(): Segment | null {
    return this.#here;
  }

  /** The segment around an offset, if it is at hand. */
  segmentAt(offset: number): Segment | null {
    const here = this.#here;
    if (here !== null && offset >= here.offset && offset < here.offset + here.length) return here;
    return this.rows.segmentAt(offset);
  }

  /** Says how many whole rows fit; a view that has become taller at the end of the file shows rows above instead of none. */
  fit(visible: number): void {
    this.visible = visible;
    if (this.size === 0) return;
    if (this.#isPast(this.top)) this.#show(this.rows, this.lastTop, null);
    void this.#guard(() => this.#learnAhead(this.#turn));
  }

  /** A person is about to go there, as far as one can tell: its rows and bytes are asked for. Nothing is shown of it. */
  async prepare(offset: number): Promise<void> {
    const turn = this.#turn;
    this.cache.expect([this.#near(offset)]);
    const found = await this.#layout.prepare(offset, this.#around);
    if (found === null || turn !== this.#turn) return;
    const rows = new Rows(joined(this.#span, found, offset), this.#rules);
    const top = this.#topFor(rows, offset, 'third');
    if (top !== null) this.cache.expect(this.#wantedBy(rowsFrom(rows, top, this.visible + 1)));
  }

  /** Puts the cursor on `offset`, opens what hides it, and scrolls only if it is out of view. Notes the place it left. */
  async goTo(offset: number, length = 1): Promise<void> {
    const from = this.cursor;
    if (await this.#goTo(offset, length)) this.history = left(this.history, from);
  }

  async goBack(): Promise<void> {
    const found = back(this.history, this.cursor);
    if (found !== null && (await this.#goTo(found.to, 1))) this.history = found.history;
  }

  async goForward(): Promise<void> {
    const found = forward(this.history, this.cursor);
    if (found !== null && (await this.#goTo(found.to, 1))) this.history = found.history;
  }

  /** Moves the cursor by a key; `select` keeps the other end of the selection. */
  async move(move: Move, select: boolean): Promise<void> {
    const turn = this.#begin();
    await this.#guard(async () => {
      let rows = this.rows;
      const result = (): Moved => moved(rows, this.cursor, move, this.#column, Math.max(1, this.visible - 1));
      let to = result();
      if (to.beyond && (rows.at(this.cursor) === null || canGrow(rows, isUp(move), this.size))) {
        const learned = await this.#rowsAround(turn, to.offset);
        if (learned === null) return;
        rows = learned;
        to = result();
      }
      this.#place(rows, to.offset, 1, select, vertical.has(move));
      await this.#reveal(turn, rows, 'nearest');
    });
  }

  /** Puts the cursor where a pointer is; what is under it is in view already. */
  point(offset: number, select: boolean): void {
    this.#begin();
    this.#place(this.rows, offset, 1, select, false);
  }

  /** Opens a fold, or left-over bytes. */
  open(row: Row): void {
    if (row.kind === 'fold' || row.kind === 'stale') this.#opened = new Set([...this.#opened, row.from]);
  }

  /** Lays rows out anew; what was opened folds again, since folds begin elsewhere now. The top row keeps its first byte in view. */
  setColumns(columns: RowWidth): void {
    if (columns === this.columns) return;
    this.columns = columns;
    this.#opened = new Set();
    const row = this.rows.find(this.top);
    if (row !== null) this.#show(this.rows, keyOf(row), null);
    this.#column = this.cursor - rowOffset(this.cursor, columns);
  }

  setFold(fold: boolean): void {
    this.fold = fold;
    this.#opened = new Set();
  }

  /** Lays rows out as another view of the same file does. */
  arrange({ columns, fold, opened, visible }: Arrangement): void {
    this.columns = columns;
    this.fold = fold;
    this.#opened = opened;
    this.visible = visible;
  }

  /** Scrolls by rows, down when positive. */
  async scrollBy(count: number): Promise<void> {
    const turn = this.#begin();
    await this.#guard(async () => {
      let rows = this.rows;
      const row = rows.find(this.top);
      if (row === null) return;
      let result = step(rows, row, count);
      if (result.stopped && canGrow(rows, count < 0, this.size)) {
        const learned = await this.#rowsAround(turn, result.row.from);
        const again = learned?.find(this.top) ?? null;
        if (learned === null || again === null) return;
        rows = learned;
        result = step(rows, again, count);
      }
      this.#show(rows, keyOf(result.row), null);
      await this.#learnAhead(turn);
    });
  }

  /**
   * Scrolls to a share of the file, 0 … 1. Of wishes that come faster than the file answers the last counts, and every
   * answer is shown. `ahead`: what comes next is learned as well, for a view that stays.
   */
  scrollTo(share: number, ahead = true): Promise<void> {
    this.#wished = Math.min(1, Math.max(0, share));
    if (this.#following?.turn === this.#turn) return this.#following.done;
    const wished = this.#wished;
    const turn = this.#begin();
    this.#wished = wished;
    const done = this.#guard(() => this.#follow(turn, ahead));
    this.#following = { turn, done };
    return done;
  }

  async #follow(turn: number, ahead: boolean): Promise<void> {
    for (let share = this.#wished; share !== null; share = this.#wished) {
      this.#wished = null;
      const offset = Math.round(this.lastTop.from * share);
      let rows = await this.#rowsAround(turn, offset, GLANCE);
      const found = rows === null ? 0 : rowsFrom(rows, { from: offset, opening: false }, this.visible + 1).length;
      if (rows !== null && found <= this.visible && rows.to < this.size) rows = await this.#rowsAround(turn, offset);
      if (rows === null) return;
      const row = share < 1 ? rows.at(offset) : null;
      const top = row === null ? this.lastTop : keyOf(row);
      await this.#bytesOf(rows, top);
      if (turn !== this.#turn) return;
      this.cache.expect([]);
      this.#show(rows, top, offset);
    }
    this.#following = null;
    if (ahead) await this.#learnAhead(turn);
  }

  /** To the present page before or after the cursor. */
  async goToPresentPage(direction: 1 | -1): Promise<void> {
    await this.#guard(async () => {
      const offset = await this.#port.presentPage(this.cursor, direction);
      if (offset !== null) await this.goTo(offset);
    });
  }

  /**
   * Says which bytes the view needs now: the rows in view, what is at the cursor, and, unless the scroll bar is being
   * dragged, what a page key would bring into view.
   */
  want(cursorBytes: number): void {
    this.#cursorBytes = cursorBytes;
    const { rows, shown } = this;
    const [first, last] = [shown[0], shown.at(-1)];
    if (this.#dragged !== null || first === undefined || last === undefined) {
      this.cache.want(this.#wantedBy(shown));
      return;
    }
    const below = rowsFrom(rows, keyOf(last), this.visible);
    const above = rowsFrom(rows, keyOf(step(rows, first, -this.visible).row), this.visible);
    this.cache.want([...this.#wantedBy(shown), ...rangesOf(below), ...rangesOf(above)]);
  }

  /** Bytes of a place that the view is still on its way to change nothing that is drawn. */
  #tell(chunks: readonly number[]): void {
    const [before, behind] = [BESIDE_BYTES, CHUNK_BYTES + BESIDE_BYTES];
    const isSeen = (start: number): boolean =>
      this.#wantedBy(this.shown).some(({ from, to }) => from < start + behind && to > start - before);
    if (chunks.some((chunk) => isSeen(chunk * CHUNK_BYTES))) this.arrivals += 1;
  }

  #wantedBy(rows: readonly Row[]): readonly ByteRange[] {
    return [...rangesOf(rows), { from: this.cursor, to: Math.min(this.size, this.cursor + this.#cursorBytes) }];
  }

  #near(offset: number): ByteRange {
    return { from: Math.max(0, offset - CHUNK_BYTES), to: Math.min(this.size, offset + NEAR_CHUNKS * CHUNK_BYTES) };
  }

  /** Waits for the bytes of a screen that is to be shown, within reason. */
  #bytesOf(rows: Rows, top: RowKey): Promise<void> {
    this.cache.expect(this.#wantedBy(rowsFrom(rows, top, this.visible + 1)));
    return this.cache.settled(PATIENCE_MS);
  }

  /** Reads for the cache. What the file had when it was opened and has no more is told; the rest is shown. */
  async #read(wanted: readonly Stretch[]): Promise<readonly Uint8Array[]> {
    const read = await this.#port.stretches(wanted);
    const isShort = ({ offset, length }: Stretch, index: number): boolean =>
      offset + (read[index]?.length ?? 0) < Math.min(this.size, offset + length);
    if (wanted.some(isShort)) {
      const what = `the file is shorter than the ${hex(this.size)} bytes that it had when it was opened`;
      this.#onFailure(fail('file.changed', 'reading the file', what, 'Open it again.'));
    }
    return read;
  }

  /** A move begins: what an earlier one still waits for is dropped. */
  #begin(): number {
    this.#wished = null;
    this.#turn += 1;
    this.cache.expect([]);
    return this.#turn;
  }

  async #goTo(offset: number, length: number): Promise<boolean> {
    const turn = this.#begin();
    let shown = false;
    await this.#guard(async () => {
      // The rows tell which bytes are wanted; most of them are here, and are read while the rows are asked for.
      this.cache.expect([this.#near(offset)]);
      let rows = await this.#rowsAround(turn, offset);
      if (rows === null) return;
      for (let tries = 0; tries < MOST_OPENINGS; tries += 1) {
        const row = rows.at(offset);
        if (row !== null) this.open(row);
        rows = new Rows(rows.segments, this.#rules);
      }
      const top = this.#topFor(rows, offset, 'third');
      await this.#bytesOf(rows, top ?? this.top);
      if (turn !== this.#turn) return;
      this.cache.expect([]);
      this.#place(rows, offset, length, false, false);
      if (top !== null) this.#show(rows, top, null);
      shown = true;
    });
    // It is there: what lies around it is learned while the person looks.
    if (shown) void this.#guard(() => this.#learnAhead(turn));
    return shown;
  }

  #place(rows: Rows, offset: number, length: number, select: boolean, keepColumn: boolean): void {
    this.cursor = Math.min(Math.max(0, offset), Math.max(0, this.size - 1));
    if (!select) this.anchor = Math.min(this.cursor + Math.max(1, length) - 1, Math.max(0, this.size - 1));
    if (!keepColumn) this.#column = this.cursor - rowOffset(this.cursor, this.columns);
    const here = rows.segmentAt(this.cursor);
    // What is the same stays the same object: much is derived from it.
    if (here?.offset !== this.#here?.offset || here?.length !== this.#here?.length) this.#here = here;
  }

  /** Scrolls so that the cursor's row is in view. */
  async #reveal(turn: number, rows: Rows, how: 'nearest' | 'third'): Promise<void> {
    const top = this.#topFor(rows, this.cursor, how);
    if (top !== null) this.#show(rows, top, null);
    await this.#learnAhead(turn);
  }

  /** The top row with which the row of `offset` is in view: no farther than needed, or with room above; null when it is. */
  #topFor(rows: Rows, offset: number, how: 'nearest' | 'third'): RowKey | null {
    const row = rows.at(offset);
    if (row === null) return null;
    const whole = rowsFrom(rows, this.top, this.visible);
    if (whole.some(({ kind, from }) => kind !== 'page' && from === row.from)) return null;
    const above = row.from < this.top.from;
    const room = how === 'third' ? Math.floor(this.visible / 3) : above ? 0 : this.visible - 1;
    return keyOf(step(rows, row, -room).row);
  }

  #isPast({ from, opening }: RowKey): boolean {
    const { lastTop } = this;
    return from > lastTop.from || (from === lastTop.from && lastTop.opening && !opening);
  }

  /** Rows and what is at their top change together: the view never has a top that is not at hand. */
  #show(rows: Rows, top: RowKey, dragged: number | null): void {
    const [wanted, end] = this.#isPast(top) ? [this.lastTop, true] : [top, false];
    this.#span = end && rows.at(wanted.from) === null ? this.#endSpan : rows.segments;
    this.top = wanted;
    this.#dragged = dragged;
  }

  /** Segments that make a screen before a place and two behind it: each is at least one row. */
  get #around(): Around {
    return { before: this.visible + ASK_BEYOND, after: 2 * this.visible + ASK_BEYOND };
  }

  /** The rows at hand with those around `offset`; null when a later move has begun meanwhile. */
  async #rowsAround(turn: number, offset: number, around = this.#around): Promise<Rows | null> {
    const segments = await this.#layout.around(offset, around, () => turn === this.#turn);
    if (segments === null) return null;
    return new Rows(joined(this.#span, segments, offset), this.#rules);
  }

  /** Learns what comes next, before the view gets there: a screen above and a screen below. */
  async #learnAhead(turn: number): Promise<void> {
    for (const edge of [this.shown.at(-1), this.shown[0]]) {
      const { rows } = this;
      if (edge === undefined || turn !== this.#turn) return;
      const lacksAbove = rows.from > 0 && step(rows, edge, -this.visible).stopped;
      const lacksBelow = rows.to < this.size && step(rows, edge, this.visible).stopped;
      if (!lacksAbove && !lacksBelow) continue;
      const learned = await this.#rowsAround(turn, edge.from);
      if (learned?.at(this.top.from) != null) this.#span = learned.segments;
    }
  }

  async #guard(work: () => Promise<void>): Promise<void> {
    try {
      await work();
    } catch (error) {
      this.#onFailure(error);
    }
  }
}
