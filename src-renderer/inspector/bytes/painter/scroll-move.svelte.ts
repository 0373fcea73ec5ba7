/**
 * A move of the scroll bar as the page sees it: the painter draws the rows, the bar shows what was drawn, and when it rests the
 * page's own rows come there. Without a painter they follow by themselves.
 */
import type { HexState } from '../hex-state.svelte';
import type { FromPainter, Look, Painted } from './protocol';
import type { PainterLink, StartPainter } from './start-painter';

/** The view rests when the scroll bar has not moved for so long. */
const REST_MS = 120;
/** A painter that has not answered for so long is taken for dead. */
const ANSWER_MS = 1000;
/** How long the picture waits for the bytes of the rows that take its place. */
const LANDING_MS = 1000;

export class ScrollMove {
  readonly #hex: HexState;
  readonly #port: MessagePort;
  readonly #start: StartPainter;
  #painter: PainterLink | null = null;
  /** `none`: not started; `opening`: it learns of the file; `lost`: there will be no other, since it had the port. */
  #state: 'none' | 'opening' | 'ready' | 'lost' = 'none';
  /** Rows are painted, or about to be. */
  moving = $state(false);
  /** The picture that hides the rows; null while they can be seen. */
  painted = $state.raw<Painted | null>(null);
  /** Numbers the moves: what was painted for an earlier one is not shown. */
  #move = 0;
  /** The canvas is with the painter. */
  #begun = false;
  /** Where the bar was put last, and whether the painter is still to be told. */
  #share = 0;
  #untold = false;
  /** Runs while a drag waits for its picture. */
  #answer: ReturnType<typeof setTimeout> | null = null;
  #rest: ReturnType<typeof setTimeout> | undefined;
  /** The hex view's turn when the bar moved last; a later one is somebody else's move. */
  #turn = 0;
  /** Counts the bar's steps. */
  #steps = 0;

  /** `port`: for the painter, whenever it is started. */
  constructor(hex: HexState, port: MessagePort, start: StartPainter) {
    this.#hex = hex;
    this.#port = port;
    this.#start = start;
  }

  /** What the scroll bar stands for: the rows that are seen. */
  get progress(): number {
    return this.painted?.progress ?? this.#hex.progress;
  }

  get place(): number {
    return this.painted?.place ?? this.#hex.place;
  }

  /** A move may come soon: has the painter get ready. */
  expect(): void {
    if (this.#state !== 'none') return;
    this.#state = 'opening';
    this.#painter = this.#start((message) => this.#hear(message));
    this.#painter.send({ kind: 'open', port: this.#port }, [this.#port]);
  }

  /** The bar is put at a share of the file, 0 … 1. */
  to(share: number): void {
    this.expect();
    this.#share = share;
    if (this.#state !== 'ready') {
      void this.#hex.scrollTo(share);
      return;
    }
    this.#turn = this.#hex.turn;
    this.#steps += 1;
    this.#untold = true;
    clearTimeout(this.#rest);
    this.#rest = setTimeout(() => void this.#land(), REST_MS);
    this.moving = true;
    this.#ask();
  }

  /** The canvas that a move is shown on, when it is there; it fills the view. */
  paintOn(canvas: HTMLCanvasElement, look: Look): void {
    const offscreen = canvas.transferControlToOffscreen();
    this.#move += 1;
    this.#painter?.send({ kind: 'begin', move: this.#move, canvas: offscreen, look }, [offscreen]);
    this.#begun = true;
    this.#ask();
  }

  /** The canvas is gone. */
  putAway(): void {
    this.#begun = false;
    this.painted = null;
  }

  /** Does something that begins from the rows in view, when they are those that the bar stands for. */
  afterwards(act: () => void): void {
    if (this.moving) void this.#land().then(act);
    else act();
  }

  /** Ends the painter. */
  close(): void {
    if (this.#answer !== null) clearTimeout(this.#answer);
    this.#answer = null;
    clearTimeout(this.#rest);
    this.#painter?.end();
    this.#painter = null;
    this.#state = 'lost';
    this.#end();
  }

  #hear(message: FromPainter): void {
    if (this.#state === 'lost') return;
    if (message.kind === 'ready') this.#state = 'ready';
    else if (message.kind === 'failed') this.#lose();
    else this.#show(message);
  }

  #show(painted: Painted): void {
    if (painted.answers && this.#answer !== null) {
      clearTimeout(this.#answer);
      this.#answer = null;
    }
    if (this.#begun && painted.move === this.#move) this.painted = painted;
    this.#ask();
  }

  /** Tells the painter where the bar is, one step at a time: of those that come meanwhile the last counts. */
  #ask(): void {
    if (!this.#untold || !this.#begun || this.#answer !== null) return;
    this.#untold = false;
    this.#answer = setTimeout(() => this.#lose(), ANSWER_MS);
    this.#painter?.send({ kind: 'drag', share: this.#share }, []);
  }

  /** The page's rows come to where the bar rests, and the picture goes when they are whole. */
  async #land(): Promise<void> {
    clearTimeout(this.#rest);
    if (this.#hex.turn !== this.#turn) {
      this.#end();
      return;
    }
    const steps = this.#steps;
    const landing = this.#hex.scrollTo(this.#share);
    this.#turn = this.#hex.turn;
    await landing;
    await this.#hex.cache.settled(LANDING_MS);
    // Unless the bar was moved on meanwhile.
    if (this.#steps === steps) this.#end();
  }

  #end(): void {
    this.#untold = false;
    this.moving = false;
    this.painted = null;
  }

  /** The painter is dead or cannot go on: the rows follow by themselves from here on. */
  #lose(): void {
    const wasMoving = this.moving;
    this.close();
    if (wasMoving) void this.#hex.scrollTo(this.#share);
  }
}
