import { open, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Worker as Thread } from 'node:worker_threads';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { valueWire } from '@shared/contracts/endpoint-wires';
import { isAlive } from '../../test/support/processes';
import { buildWorker, startProcessWorker, type BuiltWorker } from '../../test/support/services';
import { tempDirPerTest } from '../../test/support/temp';
import { createFileRegistry } from '../files/registry';
import type { Worker } from '../services';
import { startLife } from './life';
import { createWorkerPool } from './pool';
import { startThreadWorker } from './thread-worker';

const temp = tempDirPerTest('sf-k');
let built: BuiltWorker;
beforeAll(async () => {
  built = await buildWorker();
}, 60_000);
afterAll(() => built.remove());

const kinds: [string, (purpose: string) => Promise<Worker>][] = [
  ['a thread', (purpose) => startThreadWorker(built.file, purpose)],
  ['a process', (purpose) => startProcessWorker(built.file, purpose)],
];

describe.each(kinds)('%s', (_kind, start) => {
  it('serves until it is stopped; then it is gone, and calls say so', async () => {
    const worker = await start('testing');
    expect(await worker.api.hello()).toEqual({ pid: worker.pid });
    await worker.api.syncFolder(temp());
    worker.stop();
    await worker.ended;
    await expect(worker.api.hello()).rejects.toMatchObject({ failure: { code: 'worker.died' } });
  }, 30_000);

  it('rejects what is pending when it is stopped', async () => {
    const worker = await start('testing');
    const pending = Array.from({ length: 20 }, () => worker.api.syncFolder(temp()));
    worker.stop();
    for (const call of pending) await expect(call).rejects.toMatchObject({ failure: { code: 'worker.died' } });
    await worker.ended;
  }, 30_000);

  it('carries what it refuses as a failure with its place', async () => {
    const worker = await start('testing');
    try {
      const path = join(temp(), 'no stream');
      await writeFile(path, 'text');
      const { lease, release } = await createFileRegistry().lendPath(path);
      await expect(worker.api.inspect(lease)).rejects.toMatchObject({
        failure: { code: 'format.not-a-stream', where: { path } },
      });
      await release();
      await expect(worker.api.inspect(lease)).rejects.toMatchObject({ failure: { where: { path } } });
    } finally {
      worker.stop();
      await worker.ended;
    }
  }, 30_000);

  it('reopens a lent file with flags of its own, and flushes it', async () => {
    const worker = await start('testing');
    const files = createFileRegistry();
    const { lease, release } = await files.lend(await open(join(temp(), 'f'), 'wx+'), 'f');
    try {
      await writeFile(lease.path, Buffer.alloc(1 << 20, 1));
      await worker.api.writeBack(lease, 0, 1 << 20);
      await worker.api.dataSync(lease);
    } finally {
      await release();
      worker.stop();
      await worker.ended;
    }
  }, 30_000);
});

describe('the death of a worker', () => {
  it('rejects what waits, also when the worker was stopped by a signal before', async () => {
    const worker = await startProcessWorker(built.file, 'dying');
    if (worker.pid === null) throw new Error('the worker has no process');
    process.kill(worker.pid, 'SIGSTOP');
    const waiting = [worker.api.hello(), worker.api.syncFolder(temp())];
    process.kill(worker.pid, 'SIGKILL');
    for (const call of waiting) {
      await expect(call).rejects.toMatchObject({
        failure: { code: 'worker.died', what: expect.stringContaining('signal SIGKILL') as string },
      });
    }
    await worker.ended;
    expect(await isAlive(worker.pid)).toBe(false);
  }, 30_000);

  it.each([
    ['that ends at its start', 'process.exit(3)', 'code 3', undefined],
    ['that throws at its start', 'throw new Error("broken worker")', 'code 1', 'broken worker'],
  ])('%s fails the start, with the reason', async (_name, source, how, detail) => {
    const file = join(temp(), 'bad.mjs');
    await writeFile(file, source);
    await expect(startThreadWorker(file, 'bad')).rejects.toMatchObject({
      failure: {
        code: 'worker.died',
        what: expect.stringContaining(how) as string,
        ...(detail === undefined ? {} : { detail: expect.stringContaining(detail) as string }),
      },
    });
  });

  it('is assumed when it does not answer in time; it is then ended', async () => {
    const thread = new Thread('setInterval(() => undefined, 1000)', { eval: true });
    const exited = new Promise<{ how: string }>((done) => thread.on('exit', (code) => done({ how: `code ${code}` })));
    const kill = (): void => void thread.terminate();
    await expect(startLife({ wire: valueWire(thread), exited, kill }, 'silent', 100)).rejects.toMatchObject({
      failure: { code: 'worker.died', what: expect.stringContaining('no answer within 0.1 s') as string },
    });
    await exited;
  });
});

describe('the pool', () => {
  const counted = (): { start: (purpose: string) => Promise<Worker>; started: Worker[] } => {
    const started: Worker[] = [];
    const start = async (purpose: string): Promise<Worker> => {
      const worker = await startProcessWorker(built.file, purpose);
      started.push(worker);
      return worker;
    };
    return { start, started };
  };

  it('gives everybody a worker of their own and ends all of them when it is disposed of', async () => {
    const { start, started } = counted();
    const pool = createWorkerPool(start);
    const workers = await Promise.all([1, 2, 3].map((n) => pool.take(`task ${n}`)));
    expect(new Set(workers.map(({ pid }) => pid)).size).toBe(3);
    expect(started).toHaveLength(3);
    await pool.dispose();
    for (const { pid } of workers) expect(await isAlive(pid ?? 0)).toBe(false);
    const late = await pool.take('too late');
    await expect(late.api.hello()).rejects.toMatchObject({ failure: { code: 'worker.died' } });
    await late.ended;
  }, 60_000);

  it('keeps one warm after the first, hands it out next, and starts another when it died waiting', async () => {
    const { start, started } = counted();
    const pool = createWorkerPool(start, { warm: true });
    try {
      await pool.take('first');
      const warm = await until(() => started[1]);
      expect((await pool.take('second')).pid).toBe(warm.pid);
      const dying = await until(() => started[2]);
      process.kill(dying.pid ?? 0, 'SIGKILL');
      await dying.ended;
      const third = await pool.take('third');
      expect(third.pid).not.toBe(dying.pid);
      expect(await third.api.hello()).toEqual({ pid: third.pid });
    } finally {
      await pool.dispose();
    }
    for (const { pid } of started) expect(await isAlive(pid ?? 0)).toBe(false);
  }, 60_000);

  it('has its first worker ready before one is taken, and starts no other at once', async () => {
    const { start, started } = counted();
    const pool = createWorkerPool(start, { warm: true, pauseMs: 300 });
    try {
      const ready = await until(() => started[0]);
      expect((await pool.take('first')).pid).toBe(ready.pid);
      expect(started).toHaveLength(1);
      await until(() => started[1]);
    } finally {
      await pool.dispose();
    }
  }, 60_000);
});

describe('a worker that is still being started', () => {
  it('is waited for when its pool is disposed of, and ended', async () => {
    const pool = createWorkerPool((purpose) => startThreadWorker(built.file, purpose));
    let ended = false;
    void pool
      .take('nobody waits')
      .then((worker) => worker.ended)
      .then(() => (ended = true));
    await pool.dispose();
    await Promise.resolve();
    expect(ended).toBe(true);
  });
});

describe('the warm worker', () => {
  it('is started at once, and only once, when one is about to be taken', async () => {
    let started = 0;
    const pool = createWorkerPool(
      (purpose) => {
        started += 1;
        return startThreadWorker(built.file, purpose);
      },
      { warm: true, pauseMs: 60_000 },
    );
    try {
      expect(started).toBe(0);
      pool.prepare();
      pool.prepare();
      expect(started).toBe(1);
      await pool.take('first');
      expect(started).toBe(1);
    } finally {
      await pool.dispose();
    }
  });

  it('is one, also after many were taken at once', async () => {
    let started = 0;
    const pool = createWorkerPool(
      (purpose) => {
        started += 1;
        return startThreadWorker(built.file, purpose);
      },
      { warm: true },
    );
    try {
      await Promise.all([1, 2, 3, 4].map((n) => pool.take(`task ${n}`)));
      expect(started).toBe(5);
    } finally {
      await pool.dispose();
    }
  }, 60_000);
});

async function until<T>(ask: () => T | undefined): Promise<T> {
  for (let tries = 0; tries < 500; tries += 1) {
    const answer = ask();
    if (answer !== undefined) return answer;
    await new Promise((done) => setTimeout(done, 20));
  }
  throw new Error('waited in vain');
}
