/** The Pages view's state: which block, how it is drawn, where the focus is, what is selected; and the moves that change them. */
import { PAGE_FLAGS, type InspectorPagesApi, type PageTotals } from '@shared/contracts/inspector-pages';
import { SHOWN_AT_FIRST, STATE_RULES, type PageState, type ShownStates } from '@shared/page-state/page-state';
import { STATE_WORDS } from '@shared/page-state/words';
import { BLANK, codesOf, DIMMED, type CellFacts, type PageLayer } from './codes';
import { moved, PageGrid, shapeFor, widestZoom, type CellOrder, type PageMove } from './grid';
import { loadCells } from './load-chunk';
import type { PageBlock, PageRange } from './page-block';
import { CHUNK_CELLS, PageCache, type ChunkKey } from './page-cache';
import { PageScans } from './scans.svelte';
import { SummaryState } from './summary.svelte';

export class PagesState {
  readonly blocks: readonly PageBlock[];
  readonly scans: PageScans;
  /** Of the selection, or of the block. */
  readonly summary: SummaryState;
  readonly #api: InspectorPagesApi;
  readonly #cache: PageCache;
  readonly #onFailure: (error: unknown) => void;
  /** The latest jump, and the latest counts: an answer to an earlier one is dropped. */
  #turn = 0;
  #totalsTurn = 0;
  #begun = false;

  block = $state.raw<PageBlock | null>(null);
  order = $state<CellOrder>('rows');
  layer = $state<PageLayer>('state');
  shown = $state.raw<ShownStates>(SHOWN_AT_FIRST);
  /** The page with the focus. */
  focus = $state(0);
  selection = $state.raw<PageRange | null>(null);
  /** What the last jump found not, as a sentence. */
  notice = $state('');
  /** Counts of the block, as far as they are known; null until they are. */
  totals = $state.raw<PageTotals | null>(null);
  /** Counts up whenever something more may be known, so that what was asked is asked again. */
  moves = $state(0);
  #arrivals = $state(0);
  #width = $state(0);
  #height = $state(0);
  /** null: as far out as it takes to have the whole block in view. */
  #zoom = $state<number | null>(null);
  #topPage = $state(0);
  /** The page that the selection was begun at, and the one that it goes to. */
  #anchor = 0;
  #head: number | null = null;

  readonly #pages = $derived(this.block?.pages ?? 0);
  /** The zoom with which the whole block is in view. */
  readonly widest: number = $derived(
    widestZoom(this.#pages, (perCell) => shapeFor(this.order, this.#width, this.#height, perCell)),
  );
  /** A cell stands for 2^zoom pages. */
  readonly zoom: number = $derived(Math.min(this.#zoom ?? this.widest, this.widest));
  readonly perCell: number = $derived(2 ** this.zoom);
  readonly grid: PageGrid = $derived(
    new PageGrid(
      shapeFor(this.order, this.#width, this.#height, this.perCell),
      this.perCell,
      this.#pages,
      Math.floor(this.#topPage / this.perCell),
    ),
  );
  /** The cell with the focus. */
  readonly cell: number = $derived(Math.floor(this.focus / this.perCell));
  /** The tiles of the cells in view, those beside a selection dimmed. */
  readonly codes: Uint8Array = $derived.by(() => this.#codesInView());

  /** `blocks` in file order. */
  constructor(api: InspectorPagesApi, blocks: readonly PageBlock[], onFailure: (error: unknown) => void) {
    this.#api = api;
    this.#onFailure = onFailure;
    this.blocks = blocks;
    this.block = blocks.reduce<PageBlock | null>((most, each) => (each.pages > (most?.pages ?? 0) ? each : most), null);
    this.#cache = new PageCache(
      (key) => this.#load(key),
      () => (this.#arrivals += 1),
      onFailure,
    );
    this.summary = new SummaryState(api, onFailure);
    this.scans = new PageScans(api, () => this.outdate(), onFailure);
  }

  /** Begins to look where the file has bytes on disk, once; nothing is read for that. */
  begin(): void {
    if (this.#begun || this.blocks.length === 0) return;
    this.#begun = true;
    void this.scans.begin('allocation');
  }

  close(): void {
    this.scans.close();
  }

  choose(name: string): void {
    const block = this.blocks.find((each) => each.name === name);
    if (block === undefined || block === this.block) return;
    this.block = block;
    this.totals = null;
    this.focus = 0;
    this.#zoom = null;
    this.#topPage = 0;
    this.clearSelection();
  }

  /** The room for cells, in pixels. */
  fit(width: number, height: number): void {
    this.#width = width;
    this.#height = height;
  }

  setOrder(order: CellOrder): void {
    this.order = order;
    this.#topPage = this.grid.topAround(this.cell) * this.perCell;
  }

  /** Fewer pages a cell (−1), or more (1); the focus stays in view. */
  zoomBy(by: 1 | -1): void {
    const zoom = this.zoom + by;
    if (zoom < 0 || zoom > this.widest) return;
    this.#zoom = zoom;
    this.#topPage = this.grid.topAround(this.cell) * this.perCell;
  }

  toggle(state: PageState, on: boolean): void {
    const shown = new Set(this.shown);
    if (on) shown.add(state);
    else shown.delete(state);
    this.shown = shown;
  }

  /** Scrolls by rows (or squares), down when positive. */
  scrollBy(steps: number): void {
    this.#topPage = Math.max(0, this.grid.top + steps * this.grid.step) * this.perCell;
  }

  /** Scrolls so that a page is in the middle of the view. */
  scrollTo(page: number): void {
    this.#topPage = this.grid.topAround(Math.floor(page / this.perCell)) * this.perCell;
  }

  /** Moves the focus by a key; `select` takes the cells that it comes over into the selection. */
  move(move: PageMove, select: boolean): void {
    if (this.block === null) return;
    // A move along the curve is one inside the square in view.
    this.#reveal();
    this.#focusCell(moved(this.grid, this.cell, move), select);
    this.#reveal();
  }

  /** Puts the focus on a cell that a pointer is at. */
  point(cell: number, select: boolean): void {
    if (!select) this.clearSelection();
    this.#focusCell(cell, select);
  }

  /** Puts the focus on a page of the block, in view. */
  goTo(page: number): void {
    this.#turn += 1;
    this.notice = '';
    this.focus = Math.min(Math.max(0, page), Math.max(0, this.#pages - 1));
    if (!this.grid.isInView(this.cell)) this.scrollTo(this.focus);
  }

  select(range: PageRange): void {
    this.selection = range;
    this.#anchor = range.from;
    this.#head = range.to - 1;
  }

  clearSelection(): void {
    this.selection = null;
    this.#head = null;
  }

  /** To the next page of a state, from the block's end on at its start. */
  async goToNext(state: PageState): Promise<void> {
    const { set, clear } = STATE_RULES[state];
    const { block, focus, cell, perCell } = this;
    if (block === null) return;
    await this.#jump(
      async () => {
        // Out of the cell with the focus, so that each press leads to another cell.
        const behind = Math.max(focus + 1, perCell === 1 ? 0 : (cell + 1) * perCell);
        const next = behind < block.pages ? await this.#api.nextPage(block.name, behind, 1, set, clear) : null;
        return next ?? (await this.#api.nextPage(block.name, 0, 1, set, clear));
      },
      `No page of ${block.name} is ${STATE_WORDS[state].word === 'lost write' ? 'a lost write' : STATE_WORDS[state].word}.`,
    );
  }

  /** To the present page behind the focus, or before it. */
  async goToPresent(direction: 1 | -1): Promise<void> {
    const { block, focus } = this;
    if (block === null) return;
    const from = focus + direction;
    await this.#jump(
      async () =>
        from < 0 || from >= block.pages ? null : this.#api.nextPage(block.name, from, direction, PAGE_FLAGS.present, 0),
      direction === 1 ? 'No present page follows.' : 'No present page comes before.',
    );
  }

  /** Facts of a cell, when they are at hand, and its number among them. */
  factsOf(cell: number): { readonly facts: CellFacts; readonly index: number } | null {
    const facts = this.#arrivals >= 0 ? this.#cache.get(this.#keyOf(Math.floor(cell / CHUNK_CELLS))) : null;
    return facts === null ? null : { facts, index: cell % CHUNK_CELLS };
  }

  /** For how many pages a cell stands: fewer for a block's last one. */
  pagesOf(cell: number): number {
    return Math.min(this.perCell, this.#pages - cell * this.perCell);
  }

  /** Says what the view needs now. */
  want(): void {
    const { grid } = this;
    const keys: ChunkKey[] = [];
    if (this.block !== null && this.#width > 0) {
      for (let number = Math.floor(grid.top / CHUNK_CELLS); number * CHUNK_CELLS < grid.end; number += 1) {
        keys.push(this.#keyOf(number));
      }
    }
    this.#cache.want(keys);
  }

  /** Says that more may be known of the pages by now: what is in view is asked for again. */
  outdate(): void {
    this.moves += 1;
    this.#cache.outdate();
  }

  /** Asks for the counts of the block. */
  async learnTotals(): Promise<void> {
    const { block } = this;
    const turn = (this.#totalsTurn += 1);
    if (block === null) return;
    try {
      const totals = await this.#api.totals(block.name, 0, block.pages);
      if (turn === this.#totalsTurn) this.totals = totals;
    } catch (error) {
      this.#onFailure(error);
    }
  }

  #codesInView(): Uint8Array {
    const { grid, selection, perCell } = this;
    const drawn = { layer: this.layer, shown: this.shown };
    const codes = new Uint8Array(Math.max(0, grid.end - grid.top));
    for (let number = Math.floor(grid.top / CHUNK_CELLS); number * CHUNK_CELLS < grid.end; number += 1) {
      const start = number * CHUNK_CELLS;
      const known = this.factsOf(start);
      if (known === null) continue;
      const of = codesOf(known.facts, drawn, (cell) => this.pagesOf(start + cell));
      const from = Math.max(0, grid.top - start);
      codes.set(of.subarray(from, Math.max(from, grid.end - start)), start + from - grid.top);
    }
    if (selection !== null) {
      const [from, to] = [Math.floor(selection.from / perCell), Math.ceil(selection.to / perCell)];
      codes.forEach((code, index) => {
        const cell = grid.top + index;
        if ((cell < from || cell >= to) && code !== BLANK) codes[index] = code + DIMMED;
      });
    }
    return codes;
  }

  #focusCell(cell: number, select: boolean): void {
    const { perCell } = this;
    this.#turn += 1;
    this.notice = '';
    if (select && (this.#head === null || Math.floor(this.#head / perCell) !== this.cell)) this.#anchor = this.focus;
    this.focus = cell * perCell;
    if (!select) return;
    const ends = [Math.floor(this.#anchor / perCell), cell];
    this.#head = this.focus;
    this.selection = {
      from: Math.min(...ends) * perCell,
      to: Math.min(this.#pages, (Math.max(...ends) + 1) * perCell),
    };
  }

  #reveal(): void {
    this.#topPage = this.grid.topShowing(this.cell) * this.perCell;
  }

  async #jump(find: () => Promise<number | null>, nothing: string): Promise<void> {
    const turn = (this.#turn += 1);
    try {
      const page = await find();
      if (turn !== this.#turn) return;
      if (page === null) this.notice = nothing;
      else this.goTo(page);
    } catch (error) {
      this.#onFailure(error);
    }
  }

  #keyOf(number: number): ChunkKey {
    return { block: this.block?.name ?? '', zoom: this.zoom, number };
  }

  #load({ block: name, zoom, number }: ChunkKey): Promise<CellFacts> {
    const block = this.blocks.find((each) => each.name === name);
    if (block === undefined) return Promise.reject(new RangeError(`${name} is no block with pages`));
    const perCell = 2 ** zoom;
    return loadCells(this.#api, block, number * CHUNK_CELLS * perCell, perCell, CHUNK_CELLS);
  }
}
