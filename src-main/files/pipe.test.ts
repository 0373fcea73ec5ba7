import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { open, readdir } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import { openPipe } from './pipe';
import { createFileRegistry } from './registry';

const openFiles = async (): Promise<number> => (await readdir('/proc/self/fd')).length;

describe('a pipe', () => {
  it('carries bytes, and ends when its last write end is closed', async () => {
    const pipe = await openPipe();
    await pipe.write.write(Buffer.from('stream'));
    await pipe.write.close();
    expect(await pipe.read.readFile('utf8')).toBe('stream');
    await pipe.close();
  });

  it('holds as much as it says without a reader', async () => {
    const pipe = await openPipe();
    expect(pipe.capacity).toBeGreaterThanOrEqual(64 * 1024);
    const { bytesWritten } = await pipe.write.write(Buffer.alloc(pipe.capacity));
    expect(bytesWritten).toBe(pipe.capacity);
    await pipe.close();
  });

  it('is read by another process through a lease, with flags of its own', async () => {
    const files = createFileRegistry();
    const pipe = await openPipe();
    const { lease, release } = await files.lend(pipe.read, 'the stream', 0);
    const reader = spawn('cat', [lease.path], { stdio: ['ignore', 'pipe', 'ignore'] });
    let text = '';
    reader.stdout.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
    await pipe.write.write(Buffer.from('x'.repeat(100_000)));
    await pipe.write.close();
    await once(reader, 'close');
    expect(text).toBe('x'.repeat(100_000));
    await release();
  });

  it('fails a writer whose reader is gone', async () => {
    const pipe = await openPipe();
    await pipe.read.close();
    await expect(pipe.write.write(Buffer.from('x'))).rejects.toMatchObject({ code: 'EPIPE' });
    await pipe.close();
  });

  it('leaves nothing open, however often and in which order it is closed', async () => {
    // The first read of a folder may itself open something that stays.
    await openFiles();
    const before = await openFiles();
    for (let round = 0; round < 20; round += 1) {
      const pipe = await openPipe();
      if (round % 2 === 0) await pipe.write.close();
      await pipe.close();
      await pipe.close();
    }
    expect(await openFiles()).toBe(before);
  });

  it('keeps its ends from programs that are started', async () => {
    const pipe = await openPipe();
    const flags = await Promise.all(
      [pipe.read.fd, pipe.write.fd].map(async (fd) => {
        const info = await open(`/proc/self/fdinfo/${String(fd)}`);
        const text = await info.readFile('utf8');
        await info.close();
        return parseInt(/^flags:\s+(\d+)$/m.exec(text)?.[1] ?? '0', 8);
      }),
    );
    const closeOnExec = 0o2000000;
    expect(flags.map((value) => Math.floor(value / closeOnExec) % 2)).toEqual([1, 1]);
    await pipe.close();
  });
});
