import { createHash } from 'node:crypto';
import { connect, createServer } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { SetupError } from './say.mjs';

/**
 * Runs `work` while no other process of this user holds the lock `name`. The lock is an abstract unix socket: the kernel
 * lets go of it when its holder dies, so there is no stale lock file to reason about.
 * @template T
 * @param {string} name        what is locked, e.g. the path of a folder
 * @param {() => Promise<T>} work
 * @param {{ limitMs?: number, onWait?: () => void }} [options]
 * @returns {Promise<T>}
 */
export async function withLock(name, work, { limitMs = 15 * 60_000, onWait } = {}) {
  const id = createHash('sha256').update(name).digest('hex').slice(0, 32);
  const address = `\0stillframe-${process.getuid?.() ?? 0}-${id}`;
  const deadline = performance.now() + limitMs;
  let waited = false;
  for (;;) {
    const release = await take(address);
    if (release) {
      try {
        return await work();
      } finally {
        await release();
      }
    }
    if (!waited) onWait?.();
    waited = true;
    const left = deadline - performance.now();
    if (left <= 0) {
      throw new SetupError(`Another run has been working on ${name} for ${Math.round(limitMs / 60_000)} minutes.`);
    }
    await untilReleased(address, left);
  }
}

/**
 * @param {string} address
 * @returns {Promise<(() => Promise<void>) | null>} null when somebody else has it
 */
function take(address) {
  return new Promise((resolve, reject) => {
    /** @type {Set<import('node:net').Socket>} */
    const waiting = new Set();
    const server = createServer((socket) => {
      waiting.add(socket);
      socket.on('error', () => undefined).on('close', () => waiting.delete(socket));
    });
    server.on('error', (/** @type {NodeJS.ErrnoException} */ error) => {
      if (error.code === 'EADDRINUSE') resolve(null);
      else reject(error);
    });
    server.listen(address, () => {
      resolve(
        () =>
          new Promise((closed) => {
            server.close(() => closed());
            for (const socket of waiting) socket.destroy();
          }),
      );
    });
  });
}

/**
 * A connection to the holder ends when the holder lets go or dies.
 * @param {string} address
 * @param {number} limitMs
 */
async function untilReleased(address, limitMs) {
  const socket = connect(address);
  const timer = setTimeout(() => socket.destroy(), limitMs);
  await new Promise((resolve) => socket.on('error', resolve).on('close', resolve).resume());
  clearTimeout(timer);
  await sleep(20);
}
