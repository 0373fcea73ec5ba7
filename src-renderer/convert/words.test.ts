import type { ConversionFormat, ConversionId, ConversionJob, ConversionProgress } from '@shared/contracts/conversions';
import { expect, test } from 'vitest';
import { exampleConversion } from './conversion.fixture';
import { conversionFraction, conversionLine, footerWords, suggestedName } from './words';

const plain = (text: string): string => text.replaceAll('\u00a0', ' ');
const failure = { code: 'file.no-space', doing: 'converting', what: 'the disk is full', where: {}, todo: '' } as const;

const exporting = (to: ConversionFormat): ConversionJob['options'] => ({
  ...exampleConversion().options,
  to,
  target: `/vm/ci-base.${to}`,
});

test.each<[Partial<ConversionJob>, Partial<ConversionProgress>, string]>([
  [{}, {}, 'Converting ci-base to a stream, 41 %. 1.20 GB, 412 MB/s, 3 s left.'],
  [{}, { fraction: null, secondsLeft: null }, 'Converting ci-base to a stream. 1.20 GB, 412 MB/s, time left unknown.'],
  [{}, { phase: 'flushing' }, 'Flushing ci-base.stream to stable storage, 41 %.'],
  [{ options: exporting('elf') }, {}, 'Exporting ci-base as a core file, 41 %. 1.20 GB, 412 MB/s, 3 s left.'],
  [
    { options: exporting('report') },
    { fraction: null, secondsLeft: null },
    'Writing a report of ci-base. 1.20 GB, 412 MB/s, time left unknown.',
  ],
  [
    { options: exporting('raw'), outcome: { kind: 'failed', failure } },
    {},
    'ci-base was not exported. Nothing is left of ci-base.raw.',
  ],
  [{ cancelling: true }, {}, 'Cancelling. ci-base.stream is removed.'],
  [{ outcome: { kind: 'cancelled' } }, {}, 'Cancelled. Nothing is left of ci-base.stream.'],
  [{ outcome: { kind: 'failed', failure } }, {}, 'ci-base was not converted. Nothing is left of ci-base.stream.'],
  [
    { outcome: { kind: 'done', fileBytes: 2 ** 31, bytesOnDisk: 2 ** 30 } },
    {},
    'ci-base.stream is written and on stable storage. 1.00 GiB on disk, 2.00 GiB long.',
  ],
])('%j, %j: “%s”', (over, progress, line) => {
  const job = exampleConversion(over);
  expect(plain(conversionLine({ ...job, progress: { ...job.progress, ...progress } }))).toBe(line);
});

test.each<[string, ConversionFormat, string]>([
  ['memory.mapped', 'stream', 'memory.stream'],
  ['memory.stream', 'mapped-ram', 'memory.mapped'],
  ['guest.save', 'raw', 'guest.raw'],
  ['before upgrade 1.2', 'stream', 'before upgrade 1.2.stream'],
  ['a/b', 'raw', 'a-b.raw'],
  ['memory.mapped', 'elf', 'memory.core'],
  ['memory.mapped', 'report', 'memory.report.md'],
])('%s as %s is called %s', (name, to, suggested) => expect(suggestedName(name, to)).toBe(suggested));

test.each<[Partial<ConversionProgress>, number | null, string]>([
  [{ fraction: 0.5 }, 0.45, 'convert ci-base, 50 %'],
  [{ fraction: 0, phase: 'flushing' }, 0.9, 'flush ci-base, 0 %'],
  [{ fraction: 1, phase: 'flushing' }, 1, 'flush ci-base, 100 %'],
  [{ fraction: null }, null, 'convert ci-base'],
])('%j is %s of the whole, in the footer “%s”', (over, fraction, words) => {
  const job = exampleConversion({ id: 'c' as ConversionId });
  const progress = { ...job.progress, ...over };
  expect(conversionFraction(progress)).toEqual(fraction === null ? null : expect.closeTo(fraction));
  expect(plain(footerWords({ ...job, progress }))).toBe(words);
});
