/**
 * Draws the rows while the scroll bar is dragged, away from the page's thread: the same state as the page's hex view, on a
 * port of its own.
 */
import { untrack } from 'svelte';
import { hex } from '@shared/bytes/units';
import type { InspectorPort } from '@shared/contracts/inspector-port';
import type { RamRange } from '@shared/contracts/library';
import { structureOf } from '../../tree/structure';
import { firstLook } from '../asked-layout';
import { gutterAddress } from '../gutter-address';
import type { Gutter } from '../hex-look.svelte';
import { HexState } from '../hex-state.svelte';
import type { Row } from '../rows';
import { pageTitle, sentenceFor } from '../sentences';
import { utf8Cells, type TextPane } from '../text-cells';
import type { Easel } from './easel';
import type { PicturedRow } from './picture';
import type { FromPainter, Look } from './protocol';

interface Texts {
  readonly gutter: Gutter;
  readonly text: TextPane;
}

/** A drag is answered after so long whatever the file does: a painter that says nothing is taken for dead. */
const SLOW_MS = 300;

export class Painter {
  readonly #hex: HexState;
  readonly #ramMap: readonly RamRange[];
  readonly #easel: Easel;
  readonly #tell: (message: FromPainter) => void;
  #texts: Texts = { gutter: 'file', text: 'ascii' };
  #move = 0;
  /** Drags that are not answered yet: their pictures are about to be painted anyway. */
  #following = 0;

  private constructor(
    state: HexState,
    ramMap: readonly RamRange[],
    easel: Easel,
    tell: (message: FromPainter) => void,
  ) {
    this.#hex = state;
    this.#ramMap = ramMap;
    this.#easel = easel;
    this.#tell = tell;
    // Never undone: a painter lives as long as its worker.
    $effect.root(() => {
      $effect(() => {
        if (state.arrivals > 0) untrack(() => this.#paintAgain());
      });
    });
  }

  /** Learns of the file what its rows depend on, and tells that it is ready. Whatever fails later is told as one thing. */
  static async open(port: InspectorPort, easel: Easel, tell: (message: FromPainter) => void): Promise<Painter> {
    const [file, roots, look] = await Promise.all([port.file(), port.tree(), firstLook(port)]);
    const state = new HexState(port, file.size, structureOf(roots), () => tell({ kind: 'failed' }));
    await state.start(look);
    tell({ kind: 'ready' });
    return new Painter(state, file.ramMap, easel, tell);
  }

  /** A move begins; its pictures look like this. */
  begin(move: number, canvas: OffscreenCanvas, { arrangement, gutter, text, measures }: Look): void {
    this.#move = move;
    this.#texts = { gutter, text };
    this.#hex.arrange(arrangement);
    this.#easel.use(canvas, measures);
  }

  /** Paints the rows at a share of the file, as soon as they are there; when that takes long, what it has until then. */
  async drag(share: number): Promise<void> {
    let answered = false;
    const answer = (): void => {
      this.#paint(!answered);
      answered = true;
    };
    const slow = setTimeout(answer, SLOW_MS);
    this.#following += 1;
    await this.#hex.scrollTo(share, false);
    this.#following -= 1;
    clearTimeout(slow);
    answer();
  }

  #paintAgain(): void {
    if (this.#following === 0 && this.#move > 0) this.#paint(false);
  }

  #paint(answers: boolean): void {
    const { shown, place, progress } = this.#hex;
    const rows = shown.map((row) => this.#pictured(row));
    this.#easel.paint(rows);
    this.#tell({
      kind: 'painted',
      move: this.#move,
      answers,
      rows: shown.map(({ from }) => from).join(' '),
      blank: rows.filter(({ row, bytes }) => row.kind === 'bytes' && bytes === null).length,
      place,
      progress,
    });
  }

  #pictured(row: Row): PicturedRow {
    const { cache, structure, columns } = this.#hex;
    const { gutter, text } = this.#texts;
    const start = row.kind === 'bytes' ? row.base : row.from;
    const address = gutterAddress(row, gutter, this.#ramMap) ?? start;
    if (row.kind === 'bytes') {
      const bytes = cache.get(row.from, row.to);
      const texts = bytes !== null && text === 'utf8' ? utf8Cells(bytes, 0, bytes.length) : null;
      return { row, bytes, texts, address, sentence: null, number: '' };
    }
    const common = { row, bytes: null, texts: null, address };
    if (row.kind !== 'page') return { ...common, sentence: sentenceFor(row, structure, columns), number: '' };
    const { number, title, state } = pageTitle(row);
    const physical = gutterAddress(row, 'gpa', this.#ramMap);
    const rest = physical === null ? state : `${state}\u2003guest-physical ${hex(physical)}`;
    return { ...common, sentence: { strong: title, rest }, number };
  }
}
