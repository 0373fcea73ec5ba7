/** Engines and flush policies as a person reads them, in the save's view, the library and the dialogs alike. */
import type { LoadEngine } from '@shared/contracts/library';
import type { EngineName, FlushPolicy } from '@shared/contracts/saves';
import { counted } from './format';

export const ENGINE_NAMES = {
  native: 'Native',
  channels: 'Channels',
  ingest: 'Ingest',
  emit: 'Emit',
} as const satisfies Record<EngineName | LoadEngine, string>;

/** Who does what in a save, one sentence each. */
export const SAVE_ENGINE_HINTS = {
  native: 'QEMU writes the file itself and tracks what a guest changes.',
  channels: 'Workers copy the memory past QEMU, and take digests.',
  ingest: 'QEMU writes a stream, a worker puts it in its place.',
} as const satisfies Record<EngineName, string>;

/** Who does what in a restore, one sentence each. */
export const LOAD_ENGINE_HINTS = {
  native: 'QEMU reads the file itself.',
  channels: 'Workers put the pages into shared memory; QEMU reads the devices alone.',
  emit: 'A worker makes a stream of the file, which any QEMU reads.',
} as const satisfies Record<LoadEngine, string>;

/** "native, 4 channels" · "channels, 4" · "ingest" */
export function engineWords(engine: EngineName, channels: number): string {
  if (engine === 'native') return `native, ${counted(channels, 'channel')}`;
  return engine === 'channels' ? `channels, ${channels}` : 'ingest';
}

/** How the file gets past the page cache, or through it. */
export const ioWords = (directIo: boolean): string => (directIo ? 'direct I/O' : 'buffered');

export const FLUSH_NAMES = {
  auto: 'Auto',
  end: 'At the end',
  ranged: 'While it writes',
  direct: 'Past the cache',
  none: 'None',
} as const satisfies Record<FlushPolicy | 'auto', string>;

/** As a fact of a save: "while it writes, then what is left". */
export const FLUSH_FACTS = {
  end: 'at the end, once',
  ranged: 'while it writes, then what is left',
  direct: 'past the page cache, then what is left',
  none: 'none, not durable',
} as const satisfies Record<FlushPolicy, string>;

/** A sentence with its full stop, whether it came with one or not; its first letter a capital. */
export const sentence = (text: string): string =>
  text === '' ? '' : `${text.charAt(0).toUpperCase()}${text.slice(1)}${/[.!?]$/.test(text) ? '' : '.'}`;

/** A sentence as the second half of another: no full stop, and its first letter small where it is a plain word. */
export const clause = (text: string): string =>
  (/^[A-Z][a-z’']*(\s|$)/.test(text) ? `${text.charAt(0).toLowerCase()}${text.slice(1)}` : text).replace(/\.$/, '');
