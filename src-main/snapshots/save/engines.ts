/** Which engines can save a VM, and which one is taken. Rules alone: what they go by is read in engine-facts.ts. */
import { fail } from '@shared/contracts/failure';
import type { EngineChoice, EngineName, EngineOutlook, SaveOptions } from '@shared/contracts/saves';

/** One RAMBlock, and how it would get into a snapshot made by channels. */
export interface EngineBlock {
  readonly name: string;
  readonly usedLength: number;
  /**
   * `copied`: from a shared file, past QEMU. `stream`: QEMU writes it into the device state. `lost`: QEMU would leave it out,
   * and nobody else can reach it.
   */
  readonly way: 'copied' | 'stream' | 'lost';
  /** Why it is not copied, as the rest of a sentence: "is private memory of QEMU"; null when it is. */
  readonly why: string | null;
}

export interface EngineFacts {
  readonly qemuVersion: string;
  /** QEMU's capabilities, whatever its version says. */
  readonly mappedRam: boolean;
  readonly ignoreShared: boolean;
  /** Whether the guest's CPUs would run. One that stands still can be saved in every way, whatever the mode. */
  readonly running: boolean;
  /** Why no live save of this VM is safe, as a sentence without its full stop. */
  readonly liveHazard: string | null;
  /** The VM's own setting of `multifd-compression`; null for none. */
  readonly compression: string | null;
  /** Whether the VM has `tls-creds` set. */
  readonly tls: boolean;
  readonly blocks: readonly EngineBlock[];
  /** Why a VM that Stillframe started has memory of its own, as a sentence without its full stop. */
  readonly privateRam: string | null;
}

type Mode = SaveOptions['mode'];
const DOING = 'preparing the save';
const ENGINES: readonly EngineName[] = ['native', 'channels', 'ingest'];
/** The fastest first. */
const PREFERRED: Readonly<Record<Mode, readonly EngineName[]>> = {
  live: ['native', 'ingest'],
  paused: ['channels', 'native', 'ingest'],
};

/** Every engine, and why it cannot save this VM in each mode, as a sentence without its full stop. */
export const engineOutlook = (facts: EngineFacts): readonly EngineOutlook[] =>
  ENGINES.map((engine) => ({
    engine,
    blocked: { live: whyNot(engine, facts, 'live'), paused: whyNot(engine, facts, 'paused') },
  }));

/** What `auto` takes; null when no engine can save this VM in this mode. */
export function autoEngine(facts: EngineFacts, mode: Mode): EngineChoice | null {
  const engine = PREFERRED[modeOf(facts, mode)].find((name) => whyNot(name, facts, mode) === null);
  return engine === undefined ? null : { engine, why: whyTaken(engine, facts, modeOf(facts, mode)) };
}

/**
 * The engine for a save. Throws `save.blocked` with the reason when the one that was asked for, or every one, cannot save
 * this VM in this mode.
 */
export function chooseEngine(facts: EngineFacts, wanted: SaveOptions['engine'], mode: Mode): EngineChoice {
  const why = wanted === 'auto' ? null : whyNot(wanted, facts, mode);
  const auto = autoEngine(facts, mode);
  if (wanted !== 'auto' && why === null) return { engine: wanted, why: 'It was asked for.' };
  if (wanted === 'auto' && auto !== null) return auto;
  const paused = mode === 'live' && (wanted === 'auto' || whyNot(wanted, facts, 'paused') === null);
  const instead = auto === null ? '' : `Save it with the engine ${auto.engine}.`;
  throw fail(
    'save.blocked',
    DOING,
    why ?? facts.liveHazard ?? 'No engine can save this VM',
    paused ? 'Save it paused.' : instead,
    {
      where: { field: 'engine' },
    },
  );
}

/** A guest that stands still is as good as paused. */
const modeOf = ({ running }: EngineFacts, mode: Mode): Mode => (running ? mode : 'paused');

function whyNot(engine: EngineName, facts: EngineFacts, asked: Mode): string | null {
  const live = modeOf(facts, asked) === 'live';
  switch (engine) {
    case 'native':
      return whyNotNative(facts) ?? (live ? facts.liveHazard : null);
    case 'channels':
      return live
        ? 'Channels copy the memory of a guest that stands still; nobody but QEMU knows what a running one writes'
        : whyNotChannels(facts);
    case 'ingest':
      return live ? facts.liveHazard : null;
  }
}

function whyNotNative({ mappedRam, qemuVersion, compression, tls }: EngineFacts): string | null {
  if (!mappedRam) return `QEMU ${qemuVersion} cannot write mapped-ram files; QEMU 9.0 was the first that could`;
  if (compression !== null)
    return `QEMU cannot write mapped-ram files while this VM's parameter multifd-compression is ${compression}`;
  if (tls) return "QEMU cannot write mapped-ram files while this VM's parameter tls-creds is set";
  return null;
}

function whyNotChannels({ ignoreShared, qemuVersion, blocks, privateRam }: EngineFacts): string | null {
  if (!ignoreShared)
    return `QEMU ${qemuVersion} cannot write the device state alone; QEMU 4.0 was the first that could`;
  const lost = blocks.find(({ way }) => way === 'lost');
  if (lost !== undefined) return `${lost.name} ${lost.why ?? 'cannot be reached'}, and QEMU would leave it out`;
  const rest = blocks.filter(({ way }) => way === 'stream').sort((a, b) => b.usedLength - a.usedLength);
  const [all, beside] = [bytesOf(blocks), bytesOf(rest)];
  if (all > 0 && beside <= all / 2) return null;
  const [largest] = rest;
  if (privateRam !== null && beside === all) return `The VM's memory is not shared. ${privateRam}`;
  return largest === undefined
    ? 'Where its memory is cannot be told'
    : `The VM's memory is not shared: ${largest.name} ${largest.why ?? 'is written by QEMU'}`;
}

const bytesOf = (blocks: readonly EngineBlock[]): number => blocks.reduce((sum, { usedLength }) => sum + usedLength, 0);

function whyTaken(engine: EngineName, facts: EngineFacts, mode: Mode): string {
  switch (engine) {
    case 'channels':
      return "The VM's memory is shared, so channels copy it without QEMU.";
    case 'native':
      return mode === 'live'
        ? 'Only QEMU knows what a running guest writes, and this one writes mapped-ram files itself.'
        : `QEMU writes mapped-ram files itself, and channels cannot, since ${lowerFirst(whyNotChannels(facts) ?? '')}.`;
    case 'ingest':
      return `${whyNotNative(facts) ?? 'QEMU cannot write the file itself'}, so a worker lays out its stream.`;
  }
}

const lowerFirst = (text: string): string =>
  /^[A-Z][a-z]+ /.test(text) ? `${text.charAt(0).toLowerCase()}${text.slice(1)}` : text;
