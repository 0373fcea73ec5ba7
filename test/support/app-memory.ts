/** Memory that the app's processes take. */
import { readdir, readFile, readlink } from 'node:fs/promises';
import type { Page } from 'playwright-core';
import type { LaunchedApp } from './electron';

/** Bytes of the page's JavaScript heap after a collection. */
export async function heapBytes(page: Page): Promise<number> {
  const cdp = await page.context().newCDPSession(page);
  try {
    await cdp.send('HeapProfiler.enable');
    await cdp.send('HeapProfiler.collectGarbage');
    return (await cdp.send('Runtime.getHeapUsage')).usedSize;
  } finally {
    await cdp.detach();
  }
}

/** Resident bytes of the worker that has the file open; of the largest, should there be several. */
export async function workerRss({ app }: LaunchedApp, file: string): Promise<number> {
  const workers = await app.evaluate(({ app: electron }) =>
    electron.getAppMetrics().flatMap(({ type, pid }) => (type === 'Utility' ? [pid] : [])),
  );
  const sizes = await Promise.all(workers.map((pid) => rssOf(pid, file)));
  const most = Math.max(...sizes);
  if (most <= 0) throw new Error(`no worker has ${file} open`);
  return most;
}

async function rssOf(pid: number, file: string): Promise<number> {
  const fds = await readdir(`/proc/${pid}/fd`).catch(() => []);
  const targets = await Promise.all(fds.map((fd) => readlink(`/proc/${pid}/fd/${fd}`).catch(() => '')));
  if (!targets.includes(file)) return 0;
  const status = await readFile(`/proc/${pid}/status`, 'utf8');
  return Number(/VmRSS:\s+(\d+) kB/.exec(status)?.[1] ?? 0) * 1024;
}
