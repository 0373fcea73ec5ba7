import type { SaveOptions, SaveOutlook } from '@shared/contracts/saves';
import { describe, expect, test } from 'vitest';
import { exampleOutlook } from './example.fixture';
import {
  changed,
  chosenEngine,
  chosenFlush,
  engineOf,
  optionsOf,
  fieldErrors,
  planSummary,
  whyNotLive,
  type SaveForm,
} from './form';

const form = (over: Partial<SaveForm> = {}): SaveForm => ({
  name: ' a ',
  note: ' b ',
  mode: 'paused',
  channels: 2,
  directIo: true,
  after: 'run',
  engine: 'auto',
  flush: 'auto',
  releaseEarly: false,
  liveLimitSeconds: 120,
  rateLimit: null,
  ...over,
});
const NONE: Partial<SaveOutlook> = { auto: { live: null, paused: null } };

describe('a rate limit', () => {
  test.each<[number | null, boolean]>([
    [null, true],
    [50e6, true],
    [0, false],
    [-1e6, false],
    [Number.NaN, false],
  ])('of %s: %s', (rateLimit, fine) => expect(fieldErrors(form({ rateLimit })).rateLimit === undefined).toBe(fine));

  test('stands in the summary', () =>
    expect(planSummary(form({ rateLimit: 50e6 }), exampleOutlook())).toMatch(/ At most 50.MB\/s\.$/));
});

describe('the engine that counts', () => {
  test.each<[SaveOptions['engine'], SaveOptions['mode'], SaveOptions['engine'], string | null]>([
    ['auto', 'live', 'auto', 'native'],
    ['auto', 'paused', 'auto', 'channels'],
    ['native', 'paused', 'native', 'native'],
    ['channels', 'paused', 'channels', 'channels'],
    ['channels', 'live', 'auto', 'native'],
  ])('%s, %s: %s, so %s writes', (engine, mode, chosen, writes) => {
    expect(chosenEngine(form({ engine, mode }), exampleOutlook())).toBe(chosen);
    expect(engineOf(form({ engine, mode }), exampleOutlook())).toBe(writes);
  });

  test('nothing writes when auto finds no engine', () => expect(engineOf(form(), exampleOutlook(NONE))).toBeNull());

  test.each<[Partial<SaveOutlook>, string | null]>([
    [{}, null],
    [{ liveBlocked: 'QEMU may miss pages' }, 'QEMU may miss pages'],
    [NONE, 'No engine can save this VM while it runs'],
  ])('with %j a running guest cannot be saved because of: %s', (over, why) =>
    expect(whyNotLive(exampleOutlook(over))).toBe(why),
  );

  test.each<[Partial<SaveForm>, boolean, boolean, SaveOptions['flush']]>([
    [{ engine: 'native', flush: 'direct' }, true, true, 'direct'],
    [{ engine: 'native', flush: 'direct' }, false, false, 'auto'],
    [{ engine: 'native', flush: 'end' }, false, false, 'end'],
    [{ engine: 'channels', flush: 'direct' }, false, true, 'direct'],
    [{ engine: 'auto', flush: 'direct' }, false, true, 'direct'],
    [{ engine: 'ingest', flush: 'direct' }, true, false, 'auto'],
    [{ engine: 'channels', flush: 'auto', directIo: false }, true, false, 'auto'],
  ])('%j, QEMU has direct I/O: %s. So direct I/O: %s, flush: %s', (over, qemu, directIo, flush) => {
    const outlook = exampleOutlook({ directIoPossible: qemu });
    expect(optionsOf('m' as SaveOptions['machine'], form(over), outlook)).toMatchObject({ directIo, flush });
    expect(chosenFlush(form(over), outlook)).toBe(flush);
  });
});

describe('what follows from a change', () => {
  test.each<[Partial<SaveForm>, Partial<SaveForm>, Partial<SaveForm>]>([
    [{ directIo: false }, { flush: 'direct' }, { flush: 'direct', directIo: true }],
    [{ flush: 'direct' }, { directIo: false }, { flush: 'auto', directIo: false }],
    [{ flush: 'end' }, { directIo: false }, { flush: 'end', directIo: false }],
    [{ flush: 'direct' }, { channels: 3 }, { flush: 'direct', directIo: true, channels: 3 }],
  ])('of %j with %j: %j', (before, part, after) =>
    expect(changed(form(before), part)).toEqual(form({ ...before, ...after })),
  );
});

describe('what is handed to main', () => {
  test('names and notes without white space at their ends, and the engine that counts', () =>
    expect(
      optionsOf('m' as SaveOptions['machine'], form({ engine: 'channels', mode: 'live' }), exampleOutlook()),
    ).toMatchObject({
      name: 'a',
      note: 'b',
      engine: 'auto',
      mode: 'live',
      out: null,
    }));

  test.each<[Partial<SaveForm>, boolean]>([
    [{ after: 'quit', releaseEarly: true }, true],
    [{ after: 'quit', releaseEarly: false }, false],
    [{ after: 'run', releaseEarly: true }, false],
    [{ after: 'quit', releaseEarly: true, flush: 'none' }, false],
  ])('%j releases QEMU early: %s', (over, early) =>
    expect(optionsOf('m' as SaveOptions['machine'], form(over), exampleOutlook()).releaseEarly).toBe(early),
  );
});

test.each<[Partial<SaveForm>, Partial<SaveOutlook>, string]>([
  [{ mode: 'live' }, {}, 'Auto takes native, 2 channels, direct I/O. Flush: auto.'],
  [{}, {}, 'Auto takes channels, 2, direct I/O. Flush: auto.'],
  [{ engine: 'native', directIo: false, flush: 'end' }, {}, 'Native, 2 channels, buffered. Flush: at the end.'],
  [{ engine: 'native' }, { directIoPossible: false }, 'Native, 2 channels, buffered. Flush: auto.'],
  [{ engine: 'ingest', flush: 'direct' }, {}, 'Ingest, buffered. Flush: auto.'],
  [{ channels: 17 }, {}, '1 to 16 channels.'],
  [{}, NONE, 'No engine can save this VM so.'],
])('the closed part of %j with %j says “%s”', (over, outlook, words) =>
  expect(planSummary(form(over), exampleOutlook(outlook)).replaceAll('\u00a0', ' ')).toBe(words),
);
