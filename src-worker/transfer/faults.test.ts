import { execFileSync } from 'node:child_process';
import { open, readFile, rm, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { TransferSetup } from '@shared/contracts/transfer';
import { planBlocks } from '@shared/mapped-ram/plan';
import { readMappedFile } from '../../test/support/mapped-file';
import { randomStream } from '../../test/support/random-stream';
import { tempDirPerTest } from '../../test/support/temp';
import { joinAll, leaseOf, leaseOfNew, runTransfer } from '../../test/support/transfers';
import { FaultyIo, type Faults } from '../io/faulty-io.fixture';
import { openFileIo } from '../io/file-channel';
import { openPath } from '../io/file-source';
import { openSeekable } from '../io/seekable';
import { inspectSnapshot } from '../snapshot/inspect';
import { openSnapshot } from '../snapshot/open';
import { createTransferApi } from './service';

const temp = tempDirPerTest();
const at = (name: string): string => join(temp(), name);

/** Transfers whose target fails. The last file that was opened tells how often it was called. */
function faulty(faults: Faults): { readonly api: ReturnType<typeof createTransferApi>; readonly writes: () => number } {
  let last: FaultyIo | null = null;
  const api = createTransferApi((lease, options) => {
    last = new FaultyIo(openFileIo(lease, options), faults);
    return openSeekable(last);
  });
  return { api, writes: () => last?.writes ?? 0 };
}

/** Whether our own parser calls the file a complete stream. */
async function claimsToBeComplete(path: string): Promise<boolean> {
  const source = await openPath(path);
  try {
    return (await inspectSnapshot(await openSnapshot(source))).complete;
  } catch {
    return false;
  } finally {
    await source.close();
  }
}

const stream = randomStream(21, { wholeFirst: false });

async function ingestWith(faults: Faults, target = 'target'): Promise<number> {
  await writeFile(at('stream'), stream.bytes);
  const { api, writes } = faulty(faults);
  await runTransfer(api, { kind: 'ingest', source: await leaseOf(at('stream')), target: await leaseOfNew(at(target)) });
  return writes();
}

describe('a target that fails', () => {
  it.each([
    ['is full from', 'noSpaceAtWrite', 'file.no-space'],
    ['has an I/O error at', 'ioErrorAtCall', 'file.io'],
  ] as const)('because it %s any write on: no file claims to be complete', async (_, fault, code) => {
    const writes = await ingestWith({}, 'good');
    expect(await claimsToBeComplete(at('good'))).toBe(true);
    const step = Math.max(1, Math.floor(writes / 60));
    for (let nth = 1; nth <= writes; nth = nth + 20 > writes || nth < 12 ? nth + 1 : nth + step) {
      await expect(ingestWith({ [fault]: nth }), `write ${nth} of ${writes}`).rejects.toMatchObject({
        failure: { code },
      });
      expect(await claimsToBeComplete(at('target')), `write ${nth} of ${writes}`).toBe(false);
      await rm(at('target'));
    }
    await expect(ingestWith({ [fault]: writes + 1 })).resolves.toBe(writes);
  });

  it.each<[string, Faults]>([
    ['takes few bytes at a time', { atMost: 1000 }],
    ['is interrupted', { interruptEvery: 2 }],
    ['makes no holes', { noHoles: true }],
  ])('only in that it %s gets the same file', async (_, faults) => {
    await ingestWith({}, 'good');
    await ingestWith(faults);
    expect((await readFile(at('target'))).equals(await readFile(at('good')))).toBe(true);
  });

  it.each(['raw', 'join'] as const)('at any write fails %s, too', async (kind) => {
    await ingestWith({}, 'mapped');
    const good = createTransferApi();
    const state = await leaseOfNew(at('state'));
    await good.split(await leaseOf(at('mapped')), state, ['pc.ram']);
    const file = readMappedFile(at('mapped'));
    const plan = planBlocks(file.blocks.map(({ name, usedLength, pageSize }) => ({ name, usedLength, pageSize })));
    const transfer = async (faults: Faults): Promise<number> => {
      const { api, writes } = faulty(faults);
      const target = await leaseOfNew(at('target'));
      if (kind === 'join') await joinAll(api, { state, target, plan, copied: { 'pc.ram': new Uint8Array(38) } });
      else await runTransfer(api, { kind, source: await leaseOf(at('mapped')), target, block: null });
      return writes();
    };
    const writes = await transfer({});
    for (let nth = 1; nth <= writes; nth += nth < 10 ? 1 : 7) {
      await rm(at('target'));
      await expect(transfer({ ioErrorAtCall: nth })).rejects.toMatchObject({ failure: { code: 'file.io' } });
      if (kind === 'join') expect(await claimsToBeComplete(at('target')), `write ${nth}`).toBe(false);
    }
  });
});

describe('a source that fails', () => {
  it('a file that becomes shorter while it is read is told as such', async () => {
    const big = randomStream(22, { pageSize: 65536, tellsPageSize: true });
    await writeFile(at('stream'), big.bytes);
    const api = createTransferApi();
    const setup: TransferSetup = {
      kind: 'ingest',
      source: await leaseOf(at('stream')),
      target: await leaseOfNew(at('target')),
    };
    await api.beginTransfer(setup);
    await truncate(at('stream'), 5_000_000);
    const toTheEnd = async (): Promise<void> => {
      while (!(await api.stepTransfer()).done);
    };
    await expect(toTheEnd()).rejects.toMatchObject({ failure: { code: 'format.truncated' } });
    expect(await claimsToBeComplete(at('target'))).toBe(false);
  });

  it.each([0, 4, 9, 100, 5000, 400_000])('a pipe whose writer dies after %i bytes', async (bytes) => {
    execFileSync('mkfifo', [at('pipe')]);
    const writer = await open(at('pipe'), 'r+');
    const api = createTransferApi();
    await api.beginTransfer({
      kind: 'ingest',
      source: await leaseOf(at('pipe')),
      target: await leaseOfNew(at('target')),
    });
    const died = writer.write(stream.bytes.subarray(0, bytes)).then(() => writer.close());
    const toTheEnd = async (): Promise<void> => {
      for (;;) {
        if ((await api.stepTransfer()).done) return;
        await new Promise((resolve) => setTimeout(resolve, 1));
      }
    };
    await expect(toTheEnd()).rejects.toMatchObject({ failure: { code: 'format.truncated' } });
    await died;
    expect(await claimsToBeComplete(at('target'))).toBe(false);
  });

  it('a pipe whose writer stops is waited for in steps, and can be given up', async () => {
    execFileSync('mkfifo', [at('pipe')]);
    const writer = await open(at('pipe'), 'r+');
    await writer.write(stream.bytes.subarray(0, 5000));
    const api = createTransferApi();
    await api.beginTransfer({
      kind: 'ingest',
      source: await leaseOf(at('pipe')),
      target: await leaseOfNew(at('target')),
    });
    for (let step = 0; step < 5; step++) {
      const began = performance.now();
      const { done, bytesRead } = await api.stepTransfer();
      expect(performance.now() - began).toBeLessThan(1000);
      expect([done, bytesRead <= 5000]).toEqual([false, true]);
    }
    await api.endTransfer();
    await writer.close();
    expect(await claimsToBeComplete(at('target'))).toBe(false);
  });
});
