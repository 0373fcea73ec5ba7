/** Where the bytes at the cursor lead when they are an address. Asked of the worker when the cursor stands still. */
import { hex } from '@shared/bytes/units';
import { failureOf } from '@shared/contracts/failure';
import type { InspectorPort } from '@shared/contracts/inspector-port';
import { count } from '../../lib/format';
import { Latest } from './latest';

/** The cursor stands still for so long before it is asked. */
const STILL_MS = 80;
/** Guest-physical addresses have at most so many bits. */
const MOST_PHYSICAL = 2n ** 52n;

/** Where an address leads: a place in the file, or words about why it leads nowhere. */
export interface PointerPlace {
  readonly fileOffset: number | null;
  /** `pc.ram page 12`, `not mapped in cpu 0` */
  readonly words: string;
}

export interface PointerPlaces {
  readonly address: bigint;
  readonly virtual: PointerPlace;
  readonly physical: PointerPlace;
}

interface Question {
  readonly address: bigint;
  /** null: no CPU's registers are known. */
  readonly cpu: number | null;
  readonly hasRamMap: boolean;
}

type Port = Pick<InspectorPort, 'translate' | 'locate'>;

export class PointerState {
  readonly #latest: Latest<Question, PointerPlaces>;
  #timer: ReturnType<typeof setTimeout> | null = null;

  /** null until the first answer. */
  places = $state.raw<PointerPlaces | null>(null);

  constructor(port: Port) {
    this.#latest = new Latest(async (question) => ({
      address: question.address,
      virtual: await virtualPlace(port, question),
      physical: await physicalPlace(port, question),
    }));
  }

  /** The bytes at the cursor are others. */
  follow(question: Question | null): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    if (question !== null) this.#timer = setTimeout(() => void this.#ask(question), STILL_MS);
  }

  async #ask(question: Question): Promise<void> {
    const places = await this.#latest.answer(question);
    if (places !== null) this.places = places;
  }
}

const nowhere = (words: string): PointerPlace => ({ fileOffset: null, words });
const pageWords = (block: string, page: number): string => `${block} page ${count(page)}`;

async function virtualPlace(port: Port, { address, cpu, hasRamMap }: Question): Promise<PointerPlace> {
  if (cpu === null) return nowhere('no CPU state is known');
  if (!hasRamMap) return nowhere('no RAM map is known');
  try {
    const found = await port.translate({ kind: 'gva', gva: hex(address), cpu });
    if (!found.mapped) return nowhere(`not mapped in cpu ${cpu}`);
    if (found.fileOffset === null || found.block === null || found.page === null) return nowhere('no RAM there');
    return { fileOffset: found.fileOffset, words: pageWords(found.block, found.page) };
  } catch (error) {
    return nowhere(failureOf(error, 'translating an address').what);
  }
}

async function physicalPlace(port: Port, { address, hasRamMap }: Question): Promise<PointerPlace> {
  if (!hasRamMap) return nowhere('no RAM map is known');
  if (address >= MOST_PHYSICAL) return nowhere('no RAM there');
  try {
    const found = await port.locate({ kind: 'gpa', gpa: Number(address) });
    return { fileOffset: found.fileOffset, words: pageWords(found.block, found.page) };
  } catch (error) {
    const { code, what } = failureOf(error, 'looking for an address');
    return nowhere(code === 'usage' ? 'no RAM there' : what);
  }
}
