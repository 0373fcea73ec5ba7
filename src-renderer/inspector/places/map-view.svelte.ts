/** The file map's state: its scale, what of the file is in view, and the place that keys and the pointer read. */
import { hex } from '@shared/bytes/units';
import { count, ram } from '../../lib/format';
import { lastAtMost } from '../bytes/rows';
import type { Structure } from '../tree/structure';
import {
  bandsOf,
  LEAST_VIEW,
  offsetAt,
  placeOf,
  viewOf,
  zoomed,
  type Band,
  type MapScale,
  type Stretch,
} from './file-map';

/** A key press brings it so many times as close. */
const KEY_FACTOR = 4;
/** Where there are fewer bands in view than this, arrows take steps of a part of the view. */
const FEW_BANDS = 3;
const STEPS = 16;

/** What the map needs of the file. */
export interface MapFile {
  readonly size: number;
  readonly structure: Structure;
  /** Of each block: where its pages are, to say which page a place is in. */
  readonly blocks: readonly {
    readonly name: string;
    readonly pageSize: number | null;
    readonly pagesOffset: number | null;
  }[];
}

export class MapView {
  readonly #file: MapFile;
  scale = $state<MapScale>('log');
  #zoomed = $state.raw<Stretch | null>(null);
  /** The place that keys move; null until they do. */
  probe = $state<number | null>(null);

  readonly view: Stretch = $derived.by(() => this.#zoomed ?? { from: 0, to: this.#file.size });
  readonly bands: readonly Band[] = $derived.by(() =>
    bandsOf(this.#file.structure, this.#file.size, this.scale, this.view),
  );

  constructor(file: MapFile) {
    this.#file = file;
  }

  get isZoomed(): boolean {
    return this.#zoomed !== null;
  }

  /** Where an offset is on the strip, 0 … 1; null when it is out of view. */
  shareOf(offset: number): number | null {
    return offset >= this.view.from && offset < this.view.to ? placeOf(this.bands, offset) : null;
  }

  offsetAt(share: number): number {
    return offsetAt(this.bands, share);
  }

  bandAt(offset: number): Band | null {
    return this.bands[lastAtMost(this.bands, offset, ({ from }) => from)] ?? null;
  }

  /** What is at an offset, as a tooltip and a screen reader tell it: name, page, range and length. */
  describe(offset: number): { readonly name: string; readonly place: string; readonly range: string } {
    const band = this.bandAt(offset);
    if (band === null) return { name: '', place: hex(offset), range: '' };
    const block = this.#file.blocks.find(({ name }) => name === band.pagesOf);
    const page =
      block?.pagesOffset == null || block.pageSize === null
        ? ''
        : `, page ${count(Math.floor((offset - block.pagesOffset) / block.pageSize))}`;
    return {
      name: band.label,
      place: `${hex(offset)}${page}`,
      range: `${hex(band.from)} to ${hex(band.to - 1)}, ${ram(band.to - band.from)}`,
    };
  }

  zoom(factor: number, about: number): void {
    this.#show(zoomed(this.view, this.#file.size, factor, about));
  }

  reset(): void {
    this.#zoomed = null;
  }

  /** Does what a key stands for, from where it was left or from `cursor` on; `go` goes there. False: it stands for nothing. */
  press(key: string, cursor: number, go: (offset: number) => void): boolean {
    const { view } = this;
    const at = Math.min(view.to - 1, Math.max(view.from, this.probe ?? cursor));
    switch (key) {
      case 'ArrowRight':
      case 'ArrowLeft':
        this.#step(at, key === 'ArrowRight' ? 1 : -1);
        return true;
      case 'Home':
        this.probe = view.from;
        return true;
      case 'End':
        this.probe = view.to - 1;
        return true;
      case 'PageUp':
      case 'PageDown':
        this.#turn(at, key === 'PageDown' ? 1 : -1);
        return true;
      case 'Enter':
        go(at);
        return true;
      case '+':
      case '=':
        this.probe = at;
        this.#closer(at);
        return true;
      case '-':
        this.probe = at;
        this.zoom(1 / KEY_FACTOR, at);
        return true;
      case 'Escape':
        if (!this.isZoomed) return false;
        this.reset();
        return true;
      default:
        return false;
    }
  }

  #show(view: Stretch): void {
    this.#zoomed = view.from === 0 && view.to >= this.#file.size ? null : view;
  }

  /** First to the band that a place is in, when that is much less than is in view; then on to the place. */
  #closer(at: number): void {
    const band = this.bandAt(at);
    const length = this.view.to - this.view.from;
    const isSmall = band !== null && (band.to - band.from) * KEY_FACTOR < length;
    if (isSmall) this.#show(viewOf(band.from, band.to - band.from, this.#file.size));
    else this.zoom(KEY_FACTOR, at);
  }

  #step(at: number, direction: 1 | -1): void {
    const { bands, view } = this;
    const here = lastAtMost(bands, at, ({ from }) => from);
    const band = bands[here];
    if (bands.length >= FEW_BANDS) {
      const next = direction === 1 ? bands[here + 1] : at > (band?.from ?? 0) ? band : bands[here - 1];
      this.probe = next?.from ?? at;
      return;
    }
    const step = Math.max(1, Math.floor((view.to - view.from) / STEPS));
    // Where pages can be told apart, from page to page.
    const whole = step >= LEAST_VIEW ? step - (step % LEAST_VIEW) : step;
    const next = Math.min(this.#file.size - 1, Math.max(0, at + direction * whole));
    this.probe = next;
    if (next < view.from || next >= view.to) this.#turn(next, direction);
  }

  #turn(at: number, direction: 1 | -1): void {
    const length = this.view.to - this.view.from;
    if (!this.isZoomed) return;
    this.#show(viewOf(this.view.from + direction * length, length, this.#file.size));
    this.probe = Math.min(this.view.to - 1, Math.max(this.view.from, at));
  }
}
