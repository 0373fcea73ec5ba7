/** What is said about a conversion, and what its file could be called. */
import type { ConversionFormat, ConversionJob, ConversionProgress } from '@shared/contracts/conversions';
import { percent, ram, rate, size, timeLeft } from '../lib/format';

/** What the dialog "Convert" offers. */
export const FORMATS = ['mapped-ram', 'stream', 'raw'] as const satisfies readonly ConversionFormat[];

export const FORMAT_NAMES = {
  'mapped-ram': 'Mapped',
  stream: 'Stream',
  raw: 'Raw',
} as const satisfies Record<(typeof FORMATS)[number], string>;

export const FORMAT_HINTS = {
  'mapped-ram': 'Every page at its own place. QEMU 9.0 and newer load it, over several channels.',
  stream: 'An ordinary migration stream, which older QEMUs load, too.',
  raw: 'The bytes of the largest RAMBlock alone, as other tools read them. No VM comes back from it.',
} as const satisfies Record<(typeof FORMATS)[number], string>;

const ENDINGS: Readonly<Record<ConversionFormat, string>> = {
  'mapped-ram': 'mapped',
  stream: 'stream',
  raw: 'raw',
  bytes: 'bin',
  elf: 'core',
  devices: 'devices.json',
  report: 'report.md',
  'report-json': 'report.json',
};

/** `memory.mapped` as a stream is `memory.stream`; a snapshot's name only gets an ending. */
export function suggestedName(name: string, to: ConversionFormat): string {
  const plain = name.replace(/\.(mapped|stream|raw|save|img)$/, '');
  return `${plain.replaceAll('/', '-')}.${ENDINGS[to]}`;
}

/** Whether a path can be that of a file to write. */
export const isTarget = (path: string): boolean => path.startsWith('/') && !path.endsWith('/');

export const nameOfPath = (path: string): string => path.split('/').at(-1) ?? path;

/** "Converting ci-base to a stream, 41 %. 1.20 GB, 412 MB/s, 3 s left." */
export function conversionLine({ name, options, progress, cancelling, outcome }: ConversionJob): string {
  const file = nameOfPath(options.target);
  if (outcome?.kind === 'done')
    return `${file} is written and on stable storage. ${ram(outcome.bytesOnDisk)} on disk, ${ram(outcome.fileBytes)} long.`;
  if (outcome?.kind === 'cancelled') return `Cancelled. Nothing is left of ${file}.`;
  if (outcome?.kind === 'failed')
    return `${name} was not ${isExport(options.to) ? 'exported' : 'converted'}. Nothing is left of ${file}.`;
  if (cancelling) return `Cancelling. ${file} is removed.`;
  const { phase, fraction, bytesWritten, bytesPerSecond, secondsLeft } = progress;
  const part = fraction === null ? '' : `, ${percent(fraction)}`;
  if (phase === 'flushing') return `Flushing ${file} to stable storage${part}.`;
  const left = secondsLeft === null ? 'time left unknown' : `${timeLeft(secondsLeft)} left`;
  return `${DOING[options.to](name)}${part}. ${size(bytesWritten)}, ${rate(bytesPerSecond)}, ${left}.`;
}

const DOING: Readonly<Record<ConversionFormat, (name: string) => string>> = {
  'mapped-ram': (name) => `Converting ${name} to mapped-ram`,
  stream: (name) => `Converting ${name} to a stream`,
  raw: (name) => `Exporting memory of ${name}`,
  bytes: (name) => `Exporting bytes of ${name}`,
  elf: (name) => `Exporting ${name} as a core file`,
  devices: (name) => `Exporting the devices of ${name}`,
  report: (name) => `Writing a report of ${name}`,
  'report-json': (name) => `Writing a report of ${name}`,
};

/** Nothing of it can be restored, or looked into here. */
export const isExport = (format: ConversionFormat): boolean => format !== 'mapped-ram' && format !== 'stream';

/** 0 … 1 over both phases, of which the flush is the last tenth; null while nobody knows. */
export function conversionFraction({ phase, fraction }: ConversionProgress): number | null {
  if (fraction === null) return null;
  return phase === 'converting' ? 0.9 * fraction : 0.9 + 0.1 * fraction;
}

/** "convert ci-base, 41 %", for the footer: of the phase, as in the list. */
export function footerWords({ name, options, progress }: ConversionJob): string {
  const { phase, fraction } = progress;
  const verb = isExport(options.to) ? 'export' : 'convert';
  return `${phase === 'flushing' ? 'flush' : verb} ${name}${fraction === null ? '' : `, ${percent(fraction)}`}`;
}
