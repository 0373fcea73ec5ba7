import type { LoadOutlook, Manifest, RestoreOptions } from '@shared/contracts/library';
import { expect, test } from 'vitest';
import { exampleEntry, exampleLoad, exampleManifest } from './entry.fixture';
import { chosenLoad, digestsFact, engineFact, howLine, loadSummary } from './words';

const plain = (text: string): string => text.replaceAll('\u00a0', ' ');
const DIGESTS: Manifest['digests'] = { algorithm: 'xxh3-64', unitBytes: 2 ** 20, file: 'digests.bin' };
const now = new Date(2026, 10, 23, 14, 0);
const saved = new Date(2026, 10, 22, 9, 2).toISOString();

test.each<[Partial<Manifest>, string, string, string]>([
  [{}, '22 Nov 09:02, live, 4 channels', 'native, 4 channels, direct I/O', 'none'],
  [{ channels: 1, directIo: false }, '22 Nov 09:02, live, 1 channel', 'native, 1 channel, buffered', 'none'],
  [{ finishedPaused: 'why' }, '22 Nov 09:02, paused, 4 channels', 'native, 4 channels, direct I/O', 'none'],
  [
    { engine: 'channels', mode: 'paused', digests: DIGESTS },
    '22 Nov 09:02, paused, channels, 4, digests',
    'channels, 4, direct I/O',
    'XXH3-64 per 1 MiB',
  ],
  [{ engine: 'ingest', mode: 'paused' }, '22 Nov 09:02, paused, ingest', 'ingest, direct I/O', 'none'],
])('%j is “%s” in the list; its engine is “%s”, its digests are “%s”', (over, line, engine, digests) => {
  const manifest = exampleManifest(over);
  expect(plain(howLine(exampleEntry({ savedAt: saved, manifest }), now))).toBe(line);
  expect(plain(engineFact(manifest))).toBe(engine);
  expect(plain(digestsFact(manifest))).toBe(digests);
});

test.each<[RestoreOptions['engine'], LoadOutlook | undefined, RestoreOptions['engine'], string]>([
  ['auto', exampleLoad(), 'auto', 'Auto takes native: QEMU 10.0.2 reads mapped-ram files.'],
  ['emit', exampleLoad(), 'emit', 'Emit. A worker makes a stream of the file, which any QEMU reads.'],
  ['channels', exampleLoad(), 'auto', 'Auto takes native: QEMU 10.0.2 reads mapped-ram files.'],
  ['emit', exampleLoad({ auto: null, engines: [] }), 'auto', 'No engine can load it here.'],
  ['emit', undefined, 'auto', ''],
])('%s with %j: %s, “%s”', (wanted, load, chosen, words) => {
  expect(chosenLoad(load, wanted)).toBe(chosen);
  if (load !== undefined) expect(loadSummary(load, chosen)).toBe(words);
});
