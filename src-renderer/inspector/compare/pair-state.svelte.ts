/** Two files side by side at the same place of a block: what is at the top, where the cursor is, and going to differences. */
import type { PageChange } from '@shared/contracts/diff';
import type { InspectorCompareApi } from '@shared/contracts/inspector-compare';
import type { InspectedFile, InspectorPort } from '@shared/contracts/inspector-port';
import { differingBytes, nextDifference } from './differences';
import { PairSide } from './pair-side.svelte';
import {
  ROW_BYTES,
  lengthOf,
  movedTo,
  rowCount,
  rowOf,
  rowsAt,
  type PairBlock,
  type PairMove,
  type PairRow,
} from './pair-rows';

/** Bytes of both files that are looked through at a time for a difference. */
const STRIDE = 256 * 1024;
/** Changes of pages that are remembered. */
const MOST_KNOWN = 256;

/** What is needed of an open file. */
export interface PairFile {
  readonly file: InspectedFile;
  readonly api: Pick<InspectorPort, 'bytes' | 'layout'>;
}

export class PairState {
  readonly #api: Pick<InspectorCompareApi, 'comparedRun'>;
  readonly #files: readonly [PairFile, PairFile];
  readonly #onFailure: (error: unknown) => void;

  block = $state.raw<PairBlock | null>(null);
  sides = $state.raw<readonly [PairSide, PairSide] | null>(null);
  /** Whole rows that fit the view. */
  visible = $state(16);
  /** Number of the row at the top. */
  top = $state(0);
  /** Byte of the block. */
  cursor = $state(0);
  /** What became of the last way to a difference; empty when it led to one. */
  said = $state('');
  #changes = $state.raw<ReadonlyMap<number, PageChange | 'same'>>(new Map());
  /** Pages whose change is being asked for; another set when the answers would be out of date. */
  #asked = new Set<number>();
  #turn = 0;
  /** The rows that were in view last: one that stays is the same object, and is not drawn again. */
  #rows: ReadonlyMap<number, PairRow> = new Map();

  readonly lastTop: number = $derived(this.block === null ? 0 : Math.max(0, rowCount(this.block) - this.visible));
  /** One row more than fits whole. */
  readonly shown: readonly PairRow[] = $derived.by(() => this.#rowsInView());

  constructor(
    api: Pick<InspectorCompareApi, 'comparedRun'>,
    files: readonly [PairFile, PairFile],
    onFailure: (error: unknown) => void,
  ) {
    this.#api = api;
    this.#files = files;
    this.#onFailure = onFailure;
  }

  /** Shows a byte of a block, with room above it unless it is in view. */
  goTo(block: PairBlock, offset: number): void {
    this.#turn += 1;
    this.said = '';
    if (this.block?.name !== block.name) this.#openBlock(block);
    this.#place(Math.min(Math.max(0, offset), Math.max(0, lengthOf(block) - 1)), 'third');
  }

  move(move: PairMove): void {
    if (this.block === null) return;
    this.#turn += 1;
    this.said = '';
    this.#place(movedTo(this.block, this.cursor, move, Math.max(1, this.visible - 1)), 'nearest');
  }

  /** Puts the cursor where a pointer is. */
  point(offset: number): void {
    this.#turn += 1;
    this.said = '';
    this.cursor = offset;
  }

  /** Scrolls by rows, down when positive. */
  scrollBy(rows: number): void {
    this.top = Math.min(this.lastTop, Math.max(0, this.top + rows));
  }

  /** Scrolls to a share of the block, 0 … 1. */
  scrollTo(share: number): void {
    this.top = Math.round(this.lastTop * Math.min(1, Math.max(0, share)));
  }

  fit(visible: number): void {
    this.visible = visible;
    if (this.top > this.lastTop) this.top = this.lastTop;
  }

  /** Says what is in view: bytes are read, and what became of its pages is asked for. */
  want(): void {
    const rows = this.shown.flatMap((row) => (row.kind === 'bytes' ? [row.offset] : []));
    const [first, last] = [rows[0], rows.at(-1)];
    if (first !== undefined && last !== undefined)
      for (const side of this.sides ?? []) side.want(first, last + ROW_BYTES);
    for (const page of new Set(this.shown.map((row) => row.page))) if (!this.#changes.has(page)) void this.#ask(page);
  }

  /** How a page differs; null while that is not known. */
  changeOf(page: number): PageChange | 'same' | null {
    return this.#changes.get(page) ?? null;
  }

  /** Forgets how pages differ, since more is known by now. */
  refresh(): void {
    this.#asked = new Set();
    this.#changes = new Map();
  }

  /** To the next difference behind the cursor in this block, or to the one before it. */
  async goToDifference(direction: 1 | -1): Promise<void> {
    const { block } = this;
    if (block === null) return;
    const turn = (this.#turn += 1);
    this.said = '';
    try {
      const found = await this.#differenceFrom(block, direction, false, () => turn !== this.#turn);
      if (turn !== this.#turn) return;
      if (found !== null) this.#place(found, 'third');
      else this.said = `No difference ${direction === 1 ? 'behind' : 'before'} this place in ${block.name}.`;
    } catch (error) {
      this.#onFailure(error);
    }
  }

  /** To the first difference in the cursor's page, or in a later one. */
  async goToFirst(): Promise<void> {
    const { block } = this;
    if (block === null) return;
    const turn = (this.#turn += 1);
    try {
      const found = await this.#differenceFrom(block, 1, true, () => turn !== this.#turn);
      if (turn === this.#turn && found !== null) this.#place(found, 'third');
    } catch (error) {
      this.#onFailure(error);
    }
  }

  #rowsInView(): readonly PairRow[] {
    if (this.block === null) return [];
    const rows = rowsAt(this.block, this.top, this.visible + 1).map((row) => this.#rows.get(row.number) ?? row);
    this.#rows = new Map(rows.map((row) => [row.number, row]));
    return rows;
  }

  #openBlock(block: PairBlock): void {
    const side = ({ file, api }: PairFile): PairSide =>
      new PairSide(
        api,
        file.report?.ramBlocks.find(({ name }) => name === block.name),
        this.#onFailure,
      );
    this.block = block;
    this.sides = [side(this.#files[0]), side(this.#files[1])];
    this.top = 0;
    this.#rows = new Map();
    this.refresh();
  }

  #place(offset: number, how: 'nearest' | 'third'): void {
    const { block } = this;
    if (block === null) return;
    this.cursor = offset;
    const row = rowOf(block, offset);
    if (row >= this.top && row < this.top + this.visible) return;
    const room = how === 'third' ? Math.floor(this.visible / 3) : row < this.top ? 0 : this.visible - 1;
    this.top = Math.min(this.lastTop, Math.max(0, row - room));
  }

  /** Where a difference begins; page after page of those that differ. `whole`: from the first byte of the cursor's page on. */
  async #differenceFrom(
    block: PairBlock,
    direction: 1 | -1,
    whole: boolean,
    dropped: () => boolean,
  ): Promise<number | null> {
    let page = Math.floor(this.cursor / block.pageSize);
    let within: number | null = whole ? null : this.cursor % block.pageSize;
    while (!dropped()) {
      const found = await this.#differenceIn(block, page, within, direction);
      if (found !== null) return page * block.pageSize + found;
      const beyond = page + direction;
      const run = beyond < 0 ? null : await this.#api.comparedRun(block.name, beyond, direction);
      if (run === null) return null;
      page = direction === 1 ? Math.max(run.page, beyond) : Math.min(run.page + run.count - 1, beyond);
      within = null;
    }
    return null;
  }

  /** In one page, from a byte of it on, or from outside: null. Long pages are looked through part by part. */
  async #differenceIn(block: PairBlock, page: number, from: number | null, direction: 1 | -1): Promise<number | null> {
    const { sides } = this;
    if (sides === null) return null;
    const start = page * block.pageSize;
    const parts = Math.ceil(block.pageSize / STRIDE);
    let part = from === null ? (direction === 1 ? 0 : parts - 1) : Math.floor(from / STRIDE);
    let inside = from === null ? null : from % STRIDE;
    for (; part >= 0 && part < parts; part += direction) {
      const [first, end] = [start + part * STRIDE, start + Math.min(block.pageSize, (part + 1) * STRIDE)];
      const [a, b] = await Promise.all([sides[0].read(first, end), sides[1].read(first, end)]);
      const found = nextDifference(differingBytes(a, b), inside ?? (direction === 1 ? -1 : end - first), direction);
      if (found !== null) return part * STRIDE + found;
      inside = null;
    }
    return null;
  }

  async #ask(page: number): Promise<void> {
    const { block } = this;
    const asked = this.#asked;
    if (block === null || asked.has(page)) return;
    asked.add(page);
    try {
      const run = await this.#api.comparedRun(block.name, page, 1);
      // Of another block, or before more was known.
      if (asked !== this.#asked) return;
      const kept = [...this.#changes].slice(this.#changes.size < MOST_KNOWN ? 0 : MOST_KNOWN / 2);
      this.#changes = new Map([...kept, [page, run !== null && run.page <= page ? run.change : 'same']]);
    } catch (error) {
      this.#onFailure(error);
    } finally {
      asked.delete(page);
    }
  }
}
