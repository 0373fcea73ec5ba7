import { open, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ChannelSetup } from '@shared/contracts/channels';
import { isAlive } from '../../test/support/processes';
import { buildWorker, startProcessWorker, type BuiltWorker } from '../../test/support/services';
import { tempDirPerTest } from '../../test/support/temp';
import { until } from '../../test/support/until';
import { createFileRegistry } from '../files/registry';
import type { ChannelPool, ChannelSet, Worker } from '../services';
import { createChannelPool, type ChannelPoolOptions } from './channel-pool';
import { startThreadWorker } from './thread-worker';

const MIB = 1024 * 1024;
const temp = tempDirPerTest('sf-q');
let built: BuiltWorker;
beforeAll(async () => {
  built = await buildWorker();
}, 60_000);
afterAll(() => built.remove());

const kinds: [string, (purpose: string) => Promise<Worker>][] = [
  ['threads', (purpose) => startThreadWorker(built.file, purpose)],
  ['processes', (purpose) => startProcessWorker(built.file, purpose)],
];

interface Rig {
  readonly pool: ChannelPool;
  readonly started: Worker[];
  readonly setup: ChannelSetup;
  /** Copies all RAM by the first channel. */
  copy(set: ChannelSet): Promise<void>;
  readonly target: string;
}

/** A pool, and 2 MiB of "RAM" to copy; everything ends with `use`. */
async function withPool(
  start: (purpose: string) => Promise<Worker>,
  options: Partial<ChannelPoolOptions>,
  use: (rig: Rig) => Promise<void>,
): Promise<void> {
  const files = createFileRegistry();
  const started: Worker[] = [];
  const pool = createChannelPool(async (purpose) => {
    const worker = await start(purpose);
    started.push(worker);
    return worker;
  }, options);
  const target = join(temp(), 'target');
  await writeFile(join(temp(), 'ram'), Buffer.alloc(2 * MIB, 0x5a));
  const ram = await files.lend(await open(join(temp(), 'ram')), 'ram');
  const file = await files.lend(await open(target, 'w+'), 'target');
  const setup: ChannelSetup = {
    direction: 'save',
    ram: [ram.lease],
    file: file.lease,
    pageSize: 4096,
    directIo: false,
    digests: false,
    writeBack: 'none',
  };
  const copy = async ({ channels: [channel] }: ChannelSet): Promise<void> => {
    await channel?.api.copyExtents([{ ram: 0, ramOffset: 0, fileOffset: 0, length: 2 * MIB }]);
    expect((await readFile(target)).equals(Buffer.alloc(2 * MIB, 0x5a))).toBe(true);
  };
  try {
    await use({ pool, started, setup, copy, target });
  } finally {
    await pool.dispose();
    await Promise.all([ram.release(), file.release()]);
    await Promise.all(started.map(({ ended }) => ended));
  }
}

describe.each(kinds)('the pool of channels, with %s', (_, start) => {
  it('opens as many as are asked for, each a worker of its own, and uses them again', async () => {
    await withPool(start, {}, async ({ pool, started, setup, copy }) => {
      const first = await pool.open(3, setup);
      expect(new Set(first.channels).size).toBe(3);
      await copy(first);
      await first.release();
      const second = await pool.open(2, setup);
      await copy(second);
      const third = await pool.open(1, setup);
      await copy(third);
      expect(started).toHaveLength(3);
      expect([...first.channels].filter((channel) => second.channels.includes(channel))).toHaveLength(2);
      await second.release();
      await third.release();
    });
  }, 60_000);

  it('starts them ahead of need, once', async () => {
    await withPool(start, {}, async ({ pool, started, setup, copy }) => {
      pool.warm(2);
      pool.warm(2);
      await until('two workers are started', async () => started.length === 2);
      const set = await pool.open(2, setup);
      await copy(set);
      expect(started).toHaveLength(2);
      await set.release();
    });
  }, 60_000);

  it('ends those that nobody uses after a while', async () => {
    await withPool(start, { idleMs: 300 }, async ({ pool, started, setup }) => {
      const set = await pool.open(2, setup);
      await sleep(500);
      // In use: not idle.
      await expect(set.channels[0]?.api.closeChannel()).resolves.toBeUndefined();
      await set.release();
      await Promise.all(started.map(({ ended }) => ended));
      const again = await pool.open(1, setup);
      expect(started).toHaveLength(3);
      await again.release();
    });
  }, 60_000);

  it('gives another one, opened alike, for one that died, and none after the release', async () => {
    await withPool(start, {}, async ({ pool, started, setup, copy }) => {
      const set = await pool.open(1, setup);
      set.channels[0]?.stop();
      await set.channels[0]?.ended;
      const other = await set.replace();
      if (other === null) throw new Error('there is none');
      await copy({ ...set, channels: [other] });
      await set.release();
      expect(await set.replace()).toBeNull();
      const next = await pool.open(1, setup);
      expect(next.channels[0]).toBe(other);
      expect(started).toHaveLength(2);
    });
  }, 60_000);

  it('opens none when one cannot be opened, and keeps the workers for the next', async () => {
    await withPool(start, {}, async ({ pool, started, setup, copy }) => {
      const gone = { ...setup, file: { ...setup.file, ino: '1' } };
      await expect(pool.open(2, gone)).rejects.toMatchObject({ failure: { code: 'file.changed' } });
      const set = await pool.open(2, setup);
      await copy(set);
      expect(started).toHaveLength(2);
    });
  }, 60_000);

  it('ends all of them when it is disposed of, also those in use; later ones do not start', async () => {
    await withPool(start, {}, async ({ pool, started, setup }) => {
      const set = await pool.open(2, setup);
      const idle = await pool.open(1, setup);
      await idle.release();
      await pool.dispose();
      await Promise.all(started.map(({ ended }) => ended));
      expect(await set.replace()).toBeNull();
      await expect(pool.open(1, setup)).rejects.toMatchObject({ failure: { code: 'worker.died' } });
    });
  }, 60_000);
});

describe('a worker', () => {
  it('that died while it waited is not handed out', async () => {
    await withPool(startOf('processes'), {}, async ({ pool, started, setup, copy }) => {
      pool.warm(1);
      await until('it is started', async () => started.length === 1);
      process.kill(started[0]?.pid ?? 0, 'SIGKILL');
      const set = await pool.open(1, setup);
      await copy(set);
      expect(set.channels[0]).not.toBe(started[0]);
    });
  }, 60_000);

  it('that is stopped by a signal holds up neither release nor dispose', async () => {
    await withPool(startOf('processes'), { closeMs: 200 }, async ({ pool, started, setup }) => {
      const set = await pool.open(2, setup);
      const pid = started[1]?.pid ?? 0;
      process.kill(pid, 'SIGSTOP');
      await set.release();
      await started[1]?.ended;
      expect(await isAlive(pid)).toBe(false);
      const other = await pool.open(1, setup);
      process.kill(started[0]?.pid ?? 0, 'SIGSTOP');
      await pool.dispose();
      expect(await isAlive(started[0]?.pid ?? 0)).toBe(false);
      await other.release();
    });
  }, 60_000);

  it('that ends at every start fails the opening', async () => {
    const bad = join(temp(), 'bad.mjs');
    await writeFile(bad, 'process.exit(3)');
    const pool = createChannelPool((purpose) => startThreadWorker(bad, purpose));
    pool.warm(2);
    await withPool(startOf('threads'), {}, async ({ setup }) => {
      await expect(pool.open(2, setup)).rejects.toMatchObject({ failure: { code: 'worker.died' } });
    });
    await pool.dispose();
  }, 60_000);
});

describe('a thread inside a system call', () => {
  it('that does not return holds up neither stop nor dispose', async () => {
    const program = join(temp(), 'sleeper.mjs');
    // Serves what a pool asks for, and then sits in a call of libc for 3 s.
    await writeFile(
      program,
      `import { createRequire } from 'node:module';
import { parentPort } from 'node:worker_threads';
const koffi = createRequire(${JSON.stringify(join(process.cwd(), 'package.json'))})('koffi');
const usleep = koffi.load('libc.so.6').func('int usleep(uint32_t us)');
const answers = { hello: { pid: 1 }, openChannel: { directIo: false, hugePages: false } };
parentPort.on('message', ({ id, path: [name] }) => {
  if (name === 'closeChannel') usleep(3_000_000);
  parentPort.postMessage({ id, type: 'RAW', value: answers[name] });
});`,
    );
    const started: Worker[] = [];
    const pool = createChannelPool(
      async (purpose) => {
        const worker = await startThreadWorker(program, purpose);
        started.push(worker);
        return worker;
      },
      { closeMs: 100, disposeMs: 300 },
    );
    await withPool(startOf('threads'), {}, async ({ setup }) => {
      const set = await pool.open(1, setup);
      const before = performance.now();
      await set.release();
      await pool.dispose();
      expect(performance.now() - before).toBeLessThan(2_000);
      await Promise.all(started.map(({ ended }) => ended));
      expect(performance.now() - before).toBeGreaterThan(2_500);
    });
  }, 60_000);
});

function startOf(name: string): (purpose: string) => Promise<Worker> {
  const found = kinds.find(([kind]) => kind === name);
  if (found === undefined) throw new Error(name);
  return found[1];
}
