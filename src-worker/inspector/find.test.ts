import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { MAX_FOUND, type InspectorFindApi } from '@shared/contracts/inspector-find';
import type { SearchHit, SearchWhat } from '@shared/contracts/search';
import { makeGuestFile, type MadeGuestFile } from '../../test/support/guest-file';
import { buildWorker, type BuiltWorker } from '../../test/support/services';
import { tempDirPerTest } from '../../test/support/temp';
import { createInspectorFind, type InspectorFind } from './find';
import { createThreads, type InspectorThreads } from './threads';

const PAGE = 4096;
const folder = tempDirPerTest('sfi');
const text = (value: string): SearchWhat => ({ kind: 'text', text: value, encoding: 'utf8', ignoreCase: false });
let worker: BuiltWorker;
let file: MadeGuestFile;
let find: InspectorFind;
let threads: InspectorThreads;

beforeAll(async () => {
  worker = await buildWorker();
}, 60_000);
afterAll(() => worker.remove());

beforeEach(async () => {
  const image = new Uint8Array(600 * PAGE).fill(0x2e);
  for (let page = 0; page < 600; page += 3) image.set(Buffer.from('needle'), page * PAGE + 4093);
  file = await makeGuestFile(join(folder(), 'm'), [{ name: 'pc.ram', image, pageSize: PAGE, absent: () => false }]);
  threads = createThreads(worker.file);
  find = createInspectorFind(file.lease, [], threads);
});
afterEach(() => {
  find.dispose();
  threads.dispose();
});

async function all(api: InspectorFindApi): Promise<{ hits: SearchHit[]; searchedBytes: number; more: boolean }> {
  const hits: SearchHit[] = [];
  for (;;) {
    const step = await api.nextFound();
    hits.push(...step.hits);
    if (step.done) return { hits, searchedBytes: step.searchedBytes, more: step.more };
  }
}

describe('a search of the inspector', () => {
  it('finds in threads of its own, in order', async () => {
    expect(await find.api.beginFind(text('needle'), null)).toEqual({ bytes: 600 * PAGE });
    const { hits, searchedBytes, more } = await all(find.api);
    expect(hits.map(({ blockOffset }) => blockOffset)).toEqual(
      Array.from({ length: 200 }, (_, index) => index * 3 * PAGE + 4093),
    );
    expect([searchedBytes, more]).toEqual([600 * PAGE, false]);
  });

  it('gives way to the next one, and ends', async () => {
    await find.api.beginFind({ kind: 'hex', hex: '2e' }, null);
    expect((await find.api.nextFound()).hits.length).toBeGreaterThan(0);
    await find.api.beginFind(text('needle'), [{ block: 'pc.ram', start: 0, end: 10 * PAGE }]);
    expect((await all(find.api)).hits).toHaveLength(4);
    await find.api.beginFind(text('needle'), null);
    await find.api.endFind();
    expect(await find.api.nextFound()).toEqual({ hits: [], searchedBytes: 0, done: true, more: false });
  });

  it('stops at the most hits and says so', async () => {
    await find.api.beginFind({ kind: 'hex', hex: '2e' }, null);
    const { hits, more } = await all(find.api);
    expect([hits.length, more]).toEqual([MAX_FOUND, true]);
  });

  it.each<[string, unknown, string]>([
    ['nothing', { kind: 'hex', hex: '' }, 'usage'],
    ['a wrong expression', { kind: 'regex', pattern: '(', ignoreCase: false }, 'usage'],
    ['another kind', { kind: 'date' }, 'worker.refused'],
    ['no text', { kind: 'text', text: 5 }, 'worker.refused'],
    ['no object', null, 'worker.refused'],
  ])('is refused for %s', async (_, what, code) => {
    await expect(find.api.beginFind(what as SearchWhat, null)).rejects.toMatchObject({ failure: { code } });
  });
});
