import type { PositionalIo } from './seekable';

/** What goes wrong. Calls of `readv` and `writev` are counted together from 1, `writev` alone for `noSpaceAtWrite`. */
export interface Faults {
  /** The disk is full from this write on. */
  readonly noSpaceAtWrite?: number;
  /** This call fails, and no other. */
  readonly ioErrorAtCall?: number;
  /** Every call transfers at most this many bytes. */
  readonly atMost?: number;
  /** Every nth call is interrupted, or would have to wait. */
  readonly interruptEvery?: number;
  readonly wouldBlockEvery?: number;
  /** Why it cannot be sought in. */
  readonly notSeekable?: string;
  /** Holes cannot be made. */
  readonly noHoles?: boolean;
  readonly flushFails?: boolean;
}

/** Another file with faults. */
export class FaultyIo implements PositionalIo {
  calls = 0;
  writes = 0;
  readonly #inner: PositionalIo;
  readonly #faults: Faults;

  constructor(inner: PositionalIo, faults: Faults) {
    this.#inner = inner;
    this.#faults = faults;
  }

  get name(): string {
    return this.#inner.name;
  }

  get direct(): boolean {
    return this.#inner.direct;
  }

  get prefersAllocated(): boolean {
    return this.#inner.prefersAllocated;
  }

  get notSeekable(): string | null {
    return this.#faults.notSeekable ?? this.#inner.notSeekable;
  }

  readv(views: readonly Uint8Array[], offset: number): number {
    this.#fail();
    return this.#inner.readv(this.#short(views), offset);
  }

  writev(views: readonly Uint8Array[], offset: number, cached: boolean): number {
    this.writes++;
    this.#fail();
    if (this.writes >= (this.#faults.noSpaceAtWrite ?? Infinity)) throw errno('ENOSPC');
    return this.#inner.writev(this.#short(views), offset, cached);
  }

  #fail(): void {
    const { ioErrorAtCall, interruptEvery, wouldBlockEvery } = this.#faults;
    this.calls++;
    if (this.calls === ioErrorAtCall) throw errno('EIO');
    if (interruptEvery !== undefined && this.calls % interruptEvery === 0) throw errno('EINTR');
    if (wouldBlockEvery !== undefined && this.calls % wouldBlockEvery === 0) throw errno('EAGAIN');
  }

  #short(views: readonly Uint8Array[]): readonly Uint8Array[] {
    const { atMost } = this.#faults;
    const [first] = views;
    return atMost === undefined || first === undefined ? views : [first.subarray(0, atMost)];
  }

  size = (): number => this.#inner.size();
  resize = (size: number): void => this.#inner.resize(size);
  seekData = (offset: number): number | null => this.#inner.seekData(offset);
  seekHole = (offset: number): number | null => this.#inner.seekHole(offset);
  allocate = (offset: number, length: number): boolean => this.#inner.allocate(offset, length);
  punch = (offset: number, length: number): boolean =>
    this.#faults.noHoles !== true && this.#inner.punch(offset, length);
  startWriteBack = (offset: number, length: number): void => this.#inner.startWriteBack(offset, length);
  flush = (): Promise<void> => (this.#faults.flushFails === true ? Promise.reject(errno('EIO')) : this.#inner.flush());
  close = (): void => this.#inner.close();
}

const errno = (code: string): Error => Object.assign(new Error(`${code}: injected`), { code });
