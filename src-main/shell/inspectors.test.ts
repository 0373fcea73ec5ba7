import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { InspectorPorts, IntroduceInspector } from '@shared/contracts/endpoint-worker';
import type { WorkerApi } from '@shared/contracts/worker';
import { tempDirPerTest } from '../../test/support/temp';
import { createFileRegistry } from '../files/registry';
import type { LibraryService } from '../services';
import { createInspectors, type Inspectors, type InspectorWorker } from './inspectors';

const folder = tempDirPerTest('sfs');

interface Told {
  readonly worker: number;
  readonly message: Omit<IntroduceInspector, 'kind'>;
}

function setUp(): {
  inspectors: Inspectors;
  told: Told[];
  files: ReturnType<typeof createFileRegistry>;
  heard: number[];
  served: InspectorPorts<string>[];
  sent: [session: string, ports: InspectorPorts<string>][];
} {
  const told: Told[] = [];
  const heard: number[] = [];
  const served: InspectorPorts<string>[] = [];
  const sent: [session: string, ports: InspectorPorts<string>][] = [];
  let channels = 0;
  const files = createFileRegistry();
  let workers = 0;
  const takeWorker = (): Promise<InspectorWorker<string>> => {
    const worker = (workers += 1);
    let stop: () => void = () => undefined;
    const ended = new Promise<void>((resolve) => (stop = resolve));
    const hello = async (): Promise<{ pid: number }> => {
      heard.push(told.length);
      return { pid: 1 };
    };
    return Promise.resolve({
      api: { hello } as unknown as WorkerApi,
      pid: null,
      ended,
      stop,
      serveInspector: (ports) => served.push(ports),
      introduceInspector: (message) => told.push({ worker, message }),
    });
  };
  const library = { resolve: () => Promise.reject(new Error('no library')) };
  const inspectors = createInspectors<string>({
    services: { files, library: library as unknown as LibraryService },
    takeWorker,
    makeChannel: () => {
      channels += 1;
      return { port1: `worker's ${channels}`, port2: `page's ${channels}` };
    },
    sendPorts: (session, ports) => sent.push([session, ports]),
    onEnded: () => undefined,
  });
  return { inspectors, told, files, heard, served, sent };
}

async function made(name: string): Promise<{ path: string }> {
  const path = join(folder(), name);
  await writeFile(path, name);
  return { path };
}

describe('an open file', () => {
  it.each([
    ['', ''],
    [',offset=4K', ',offset=4096'],
  ])('that was named with "%s" is asked for with "%s"', async (given, asked) => {
    const { inspectors } = setUp();
    const { path } = await made('a');
    expect(await inspectors.open({ path: `${path}${given}` })).toMatchObject({ path, reference: `${path}${asked}` });
    await inspectors.closeAll();
  });

  it('gives worker and page the two ends of two channels, in the same order', async () => {
    const { inspectors, served, sent } = setUp();
    const { id } = await inspectors.open(await made('a'));
    expect(served).toEqual([["worker's 1", "worker's 2"]]);
    expect(sent).toEqual([[id, ["page's 1", "page's 2"]]]);
    await inspectors.closeAll();
  });
});

describe('introducing an open file to the worker of another', () => {
  it('lends it, waits until that was heard, and takes it back when it is closed', async () => {
    const { inspectors, told, files, heard } = setUp();
    const a = await inspectors.open(await made('a'));
    const b = await inspectors.open(await made('b'));
    await inspectors.introduce(a.id, b.id);
    expect(told).toMatchObject([{ worker: 1, message: { session: b.id, lease: { name: b.path } } }]);
    expect(heard).toEqual([1]);
    expect(files.openCount()).toBe(2);
    await inspectors.close(b.id);
    expect(told.slice(1)).toEqual([{ worker: 1, message: { session: b.id, lease: null } }]);
    expect(files.openCount()).toBe(1);
    await inspectors.close(a.id);
    expect([told.length, files.openCount()]).toEqual([2, 0]);
  });

  it('is refused for files that are not open, and for a file with itself', async () => {
    const { inspectors, told } = setUp();
    const a = await inspectors.open(await made('a'));
    for (const [session, other] of [
      [a.id, 'none'],
      ['none', a.id],
      [a.id, a.id],
    ] as const) {
      await expect(inspectors.introduce(session, other)).rejects.toMatchObject({ failure: { code: 'usage' } });
    }
    expect(told).toEqual([]);
    await inspectors.closeAll();
  });
});
