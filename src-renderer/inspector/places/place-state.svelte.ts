/** Where the cursor is, in every way of saying it: asked of the worker while the cursor moves, and typed places gone to. */
import { hex } from '@shared/bytes/units';
import { failureOf } from '@shared/contracts/failure';
import type { BlockReport, TranslateQuery, TranslateReport } from '@shared/contracts/inspect';
import type { Inspector } from '@shared/contracts/inspector';
import type { CpuFacts, PlaceReport } from '@shared/contracts/inspector-places';
import type { RamRange } from '@shared/contracts/library';
import { parseGoal, type PlaceKind, type Surroundings } from './places';

/** The cursor stands still for so long before it is asked where it is. */
const STILL_MS = 60;
/** Within so many bytes all kinds of address go on together. */
const UNIT = 4096;
const ENTRY_BYTES = 8;

/** What the state needs of the file and of where the cursor is. */
export interface PlaceView {
  readonly size: number;
  readonly blocks: readonly BlockReport[];
  /** Empty when it is not known. */
  readonly ramMap: readonly RamRange[];
  readonly cursor: number;
  /** The block whose pages the cursor is in. */
  readonly block: string | null;
  /** Puts the cursor on an offset, with that many bytes selected: 1 when not given. */
  goTo(offset: number, length?: number): Promise<void>;
  /** Has what is at an offset read, as far as it is not at hand. */
  prepare(offset: number): void;
}

/** A guest-virtual address of the cursor's byte, and what else leads there. */
export interface Virtual {
  readonly address: bigint;
  readonly others: number;
  /** Some of the others. */
  readonly listed: readonly bigint[];
}

export class PlaceState {
  readonly #port: Pick<Inspector, 'cpus' | 'locate' | 'placeOf' | 'translate'>;
  readonly #view: PlaceView;
  #timer: ReturnType<typeof setTimeout> | null = null;
  #asking = false;

  cpus = $state.raw<readonly CpuFacts[]>([]);
  /** Whose page tables count. */
  cpu = $state(0);
  /** The way of saying it that was typed last; the others follow from it. */
  typed = $state<PlaceKind>('offset');
  #report = $state.raw<PlaceReport | null>(null);
  /** The guest-virtual address that was typed last, and the way there. */
  #typedWalk = $state.raw<TranslateReport | null>(null);
  /** Where the cursor was when an address that leads nowhere was typed. */
  #leftAt = $state<number | null>(null);
  /** The walk of which an entry was gone to: it stays in view while the cursor is on one of its entries. */
  #visited = $state.raw<TranslateReport | null>(null);
  /** Why the last question was not answered. */
  #failure = $state<string | null>(null);

  /** What is known of the cursor's byte; null until the answer is there. */
  readonly here: PlaceReport | null = $derived.by(() => {
    const report = this.#report;
    if (report === null || report.cpu !== this.cpu || this.#view.block !== report.block) return null;
    return inUnitOf(report, this.#view.cursor) ? report : null;
  });

  /** The addresses of the cursor's byte that the worker answered. */
  readonly #answered: readonly bigint[] = $derived.by(() => {
    const { here } = this;
    const found = here?.guestVirtual;
    if (here === null || found == null) return [];
    const by = BigInt(this.#view.cursor - here.fileOffset);
    return [found.address, ...found.listed].map((address) => BigInt(address) + by);
  });

  /** The address that was typed, moved on to the cursor; null where it does not lead, as far as is known. */
  readonly #typedHere: bigint | null = $derived.by(() => {
    const address = virtualAt(this.#typedWalk, this.#view.cursor);
    if (address === null || this.#typedWalk?.cpu !== this.cpu) return null;
    const { here } = this;
    if (here === null) return address;
    const isListed = here.guestVirtual !== null && here.guestVirtual.others > here.guestVirtual.listed.length;
    return isListed || this.#answered.includes(address) ? address : null;
  });

  readonly virtual: Virtual | null = $derived.by(() => {
    const all = this.#answered;
    const typed = this.#typedHere;
    const address = typed ?? all[0];
    if (address === undefined) return null;
    const others = this.here?.guestVirtual?.others ?? 0;
    return { address, others, listed: all.filter((other) => other !== address) };
  });

  /** The way through the page tables: from the address that was typed, while it leads here, or from the preferred one. */
  readonly walk: TranslateReport | null = $derived.by(() => {
    const { cursor } = this.#view;
    if (this.#visited?.steps.some(({ fileOffset }) => fileOffset === cursor) === true) return this.#visited;
    if (this.#leftAt === cursor || this.#typedHere !== null) return this.#typedWalk;
    return this.here?.walk ?? null;
  });

  /** Why there is no guest-virtual address, as a sentence; null while it is looked for. */
  readonly why: string | null = $derived(this.#failure ?? this.here?.why ?? null);

  constructor(port: Pick<Inspector, 'cpus' | 'locate' | 'placeOf' | 'translate'>, view: PlaceView) {
    this.#port = port;
    this.#view = view;
  }

  /** Learns which CPUs there are. Without them there are no guest-virtual addresses, and the answers say so. */
  async start(): Promise<void> {
    this.cpus = await this.#port.cpus().catch(() => []);
    this.cpu = this.cpus[0]?.cpu ?? 0;
  }

  get surroundings(): Surroundings {
    const { size, blocks, ramMap, block } = this.#view;
    const registers = new Set(this.cpus.flatMap((cpu) => cpu.registers));
    return { size, blocks, ramMap, block, cpu: this.cpu, registers };
  }

  /** The cursor moved, or another CPU was chosen: asks when it stands still, unless the answer is at hand. */
  follow(cursor: number): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
    if (this.here !== null || this.#view.block === null) return;
    this.#timer = setTimeout(() => void this.#ask(cursor), STILL_MS);
  }

  /** Asks nothing any more. */
  stop(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
  }

  /** A place is being typed: what is there so far is asked for, so that it is at hand when the person goes there. */
  prepare(field: PlaceKind, text: string): void {
    const offset = this.#offsetOf(field, text);
    if (offset !== null) this.#view.prepare(offset);
  }

  /** Whether a typed place leads somewhere for sure, without asking. */
  isCertain(field: PlaceKind, text: string): boolean {
    return this.#offsetOf(field, text) !== null;
  }

  #offsetOf(field: PlaceKind, text: string): number | null {
    const goal = parseGoal(field, text, this.surroundings);
    return goal.ok ? goal.offset : null;
  }

  /** Goes where a typed place leads; answers why not when it leads nowhere. */
  async go(field: PlaceKind, text: string): Promise<string | null> {
    const goal = parseGoal(field, text, this.surroundings);
    if (!goal.ok) return goal.why;
    const { query, within, offset } = goal;
    try {
      const why = query.kind === 'gva' || query.kind === 'register' ? await this.#translate(query) : null;
      if (why !== null) return why;
      if (offset !== null) await this.#view.goTo(offset);
      else if (query.kind === 'page' || query.kind === 'gpa') {
        await this.#view.goTo((await this.#port.locate(query)).fileOffset + within);
      }
      this.typed = query.kind === 'register' ? 'gva' : query.kind;
      return null;
    } catch (error) {
      return `${failureOf(error, 'going there').what}.`;
    }
  }

  /** Goes to an entry of the walk that is shown, and keeps it in view. */
  async visit(fileOffset: number): Promise<void> {
    this.#visited = this.walk;
    await this.#view.goTo(fileOffset, ENTRY_BYTES);
  }

  /** Takes another of the addresses that lead to the cursor's byte, and shows its way. */
  async choose(address: bigint): Promise<void> {
    await this.go('gva', hex(address));
  }

  async #translate(query: TranslateQuery): Promise<string | null> {
    const report = await this.#port.translate(query);
    const { mapped, why, cpu, fileOffset, gva, guestPhysical } = report;
    this.cpu = cpu;
    this.#typedWalk = report;
    this.#leftAt = fileOffset === null ? this.#view.cursor : null;
    if (!mapped) return `${gva} is not mapped in cpu ${cpu}. ${why ?? ''}`;
    if (fileOffset === null) return `${gva} is guest-physical ${hex(guestPhysical ?? 0)}, and no RAM is there.`;
    await this.#view.goTo(fileOffset);
    return null;
  }

  /** One question at a time: an answer that is no longer wanted is followed by the next question. */
  async #ask(cursor: number): Promise<void> {
    if (this.#asking) return;
    this.#asking = true;
    const { cpu } = this;
    try {
      this.#report = await this.#port.placeOf(cursor, cpu);
      this.#failure = null;
    } catch (error) {
      this.#failure = `${failureOf(error, 'asking where this is').what}.`;
    } finally {
      this.#asking = false;
    }
    if (cursor !== this.#view.cursor || cpu !== this.cpu) this.follow(this.#view.cursor);
  }
}

/** Whether a byte is in the same 4 KiB of the guest, or of the file where the guest has none, as the one that is reported on. */
function inUnitOf({ fileOffset, guestPhysical }: PlaceReport, offset: number): boolean {
  const start = fileOffset - ((guestPhysical ?? fileOffset) % UNIT);
  return offset >= start && offset < start + UNIT;
}

/** Of a byte in the page that an address led to; without paging, what is near is as far. */
function virtualAt(walk: TranslateReport | null, cursor: number): bigint | null {
  if (walk?.fileOffset == null) return null;
  const { gva, fileOffset, pageSize } = walk;
  const bytes = pageSize ?? UNIT;
  const address = BigInt(gva);
  const start = fileOffset - Number(address % BigInt(bytes));
  return cursor >= start && cursor < start + bytes ? address + BigInt(cursor - fileOffset) : null;
}
