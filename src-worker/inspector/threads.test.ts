import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { buildWorker, type BuiltWorker } from '../../test/support/services';
import { createThreads } from './threads';

const ROUNDS = 60;
let worker: BuiltWorker;
beforeAll(async () => {
  worker = await buildWorker();
}, 60_000);
afterAll(() => worker.remove());

/** Milliseconds from a start to the first answer of every thread. */
async function timeStart(): Promise<number> {
  const began = performance.now();
  const threads = createThreads(worker.file);
  await Promise.all(threads.apis().map((api) => api.closeSearch()));
  threads.dispose();
  return performance.now() - began;
}

describe('threads of an inspector', () => {
  // Without the wait in threads.ts this process is aborted here.
  it('may be let go at any moment of their start: the process lives on', async () => {
    await timeStart();
    const usual = await timeStart();
    for (let round = 0; round < ROUNDS; round++) {
      const threads = createThreads(worker.file);
      threads.apis();
      await new Promise((done) => setTimeout(done, usual * (0.4 + round / ROUNDS)));
      threads.dispose();
    }
    expect(await timeStart()).toBeGreaterThan(0);
  }, 60_000);
});
