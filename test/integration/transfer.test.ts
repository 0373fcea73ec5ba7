import { readFile, stat } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, describe, expect, test } from 'vitest';
import { openPipe, type Pipe } from '../../src-main/files/pipe';
import { demoLayout, demoRecipe, type DemoOptions } from '../../src-main/machines/demo';
import { createTransferApi } from '../../src-worker/transfer/service';
import { readMappedFile } from '../support/mapped-file';
import { oldQemu } from '../support/old-qemu';
import { PlainQemu, restoreWithPlainQemu, type MigrateOptions } from '../support/plain-qemu';
import { expectHoldsBlocksOf, expectSameBlocks, expectSameMemory, keepMemory, memoryOf } from '../support/same-memory';
import { tempDirPerTest } from '../support/temp';
import { leaseOf, leaseOfNew, runTransfer, type Transferred } from '../support/transfers';
import { until } from '../support/until';

const MIB = 1024 * 1024;
const resources = resolve(import.meta.dirname, '../../resources');
const folder = tempDirPerTest();
const at = (name: string): string => join(folder(), name);
const api = createTransferApi();
const vms: PlainQemu[] = [];
const pipes: Pipe[] = [];

afterEach(async () => {
  await api.endTransfer();
  await Promise.all(vms.splice(0).map((vm) => vm.stop()));
  await Promise.all(pipes.splice(0).map((pipe) => pipe.close()));
});

const argvOf = (options: Partial<DemoOptions>): readonly string[] =>
  demoRecipe({ resources, memoryMiB: 64, ...options }).argv;

async function start(argv: readonly string[], program?: string): Promise<PlainQemu> {
  const vm = await PlainQemu.start({ argv, folder: folder(), ...(program === undefined ? {} : { program }) });
  vms.push(vm);
  return vm;
}

const counterOf = async (vm: PlainQemu): Promise<bigint> =>
  (await vm.readMemory(demoLayout.counter, 8)).readBigUInt64LE();

/** A demo VM that has written its window at least once. */
async function busyDemo(options: Partial<DemoOptions>, program?: string): Promise<PlainQemu> {
  const vm = await start(argvOf(options), program);
  await until('it has written much', async () => (await counterOf(vm)) > 20_000n);
  return vm;
}

async function restored(
  argv: readonly string[],
  uri: string,
  migrate: MigrateOptions,
  program?: string,
): Promise<PlainQemu> {
  const vm = await restoreWithPlainQemu({
    argv: [...argv, '-S'],
    folder: folder(),
    uri,
    migrate,
    ...(program === undefined ? {} : { program }),
  });
  vms.push(vm);
  return vm;
}

/** The guest goes on from where it was. */
async function expectRunsOn(vm: PlainQemu): Promise<void> {
  const before = await counterOf(vm);
  await vm.qmp('cont');
  await until('it goes on', async () => (await counterOf(vm)) > before);
  await vm.stop();
}

async function ingest(source: string, target: string): Promise<Transferred> {
  return runTransfer(api, { kind: 'ingest', source: await leaseOf(at(source)), target: await leaseOfNew(at(target)) });
}

async function emit(source: string, target: string): Promise<Transferred> {
  return runTransfer(api, { kind: 'emit', source: await leaseOf(at(source)), target: await leaseOfNew(at(target)) });
}

const LOADS: readonly (readonly [string, MigrateOptions])[] = [
  ['without multifd', { mappedRam: true }],
  ['without multifd, with direct-io', { mappedRam: true, directIo: true }],
  ['with 2 channels', { mappedRam: true, channels: 2 }],
  ['with 2 channels and direct-io', { mappedRam: true, channels: 2, directIo: true }],
];

describe('a stream that QEMU wrote to a file, laid out as mapped-ram', () => {
  test.each(['q35', 'pc'] as const)(
    'of a %s is loaded by QEMU in every way, and is no larger than promised',
    async (machine) => {
      const argv = argvOf({ machine });
      const source = await busyDemo({ machine });
      await source.qmp('stop');
      await source.save(`file:${at('stream')}`);
      const memory = await keepMemory(source, folder());
      await source.stop();
      const { form, pages, longestMs } = await ingest('stream', 'mapped');
      expect(form).toBe('stream');
      expect(longestMs).toBeLessThan(2000);
      await expectSameBlocks(at('stream'), at('mapped'));
      const { size, blocks } = await stat(at('mapped'));
      const ramBlocks = readMappedFile(at('mapped')).blocks;
      const overhead = ramBlocks.reduce((sum, { usedLength }) => sum + usedLength / 32768 + 8 + MIB, 4 * MIB);
      expect(size).toBeLessThanOrEqual(ramBlocks.reduce((sum, { usedLength }) => sum + usedLength, 0) + overhead);
      expect(blocks * 512).toBeLessThanOrEqual(pages * 4096 + overhead);
      for (const [title, migrate] of machine === 'q35' ? LOADS : LOADS.slice(3)) {
        const vm = await restored(argv, `file:${at('mapped')}`, migrate);
        const { pagesNotZero } = await expectSameMemory(memory, await memoryOf(vm, folder()));
        expect(pagesNotZero, title).toBeGreaterThan(5000);
        await expectHoldsBlocksOf(at('mapped'), vm, folder());
        await expectRunsOn(vm);
      }
    },
  );

  test('made into a stream again is loaded as one', async () => {
    const source = await busyDemo({});
    await source.qmp('stop');
    await source.save(`file:${at('stream')}`);
    const memory = await keepMemory(source, folder());
    await source.stop();
    await ingest('stream', 'mapped');
    await emit('mapped', 'again');
    await expectSameBlocks(at('stream'), at('again'));
    const vm = await restored(argvOf({}), `file:${at('again')}`, {});
    await expectSameMemory(memory, await memoryOf(vm, folder()));
    await expectRunsOn(vm);
  });
});

/** Starts a migration of `vm` into a pipe and lays out what comes out of it, until both have ended. */
async function ingestLive(vm: PlainQemu, target: string, options: MigrateOptions): Promise<Transferred> {
  const pipe = await openPipe();
  pipes.push(pipe);
  await vm.setMigration(options);
  await vm.giveFd('stream', pipe.write.fd);
  await pipe.write.close();
  const source = await leaseOf(`/proc/self/fd/${pipe.read.fd}`);
  await vm.qmp('migrate', { uri: 'fd:stream' });
  return runTransfer(api, { kind: 'ingest', source, target: await leaseOfNew(at(target)) });
}

const statusOf = async (vm: PlainQemu): Promise<string | undefined> =>
  (await vm.qmp<{ status?: string }>('query-migrate')).status;

describe('a stream that comes out of a pipe while QEMU writes it', () => {
  test('of a guest that dirties its memory all the while has what was sent last', async () => {
    const options = { dirtyMiB: 32, dirtyMiBPerSecond: 0 };
    const source = await busyDemo(options);
    const end = await ingestLive(source, 'mapped', { parameters: { 'downtime-limit': 2000 } });
    await until('QEMU has completed', async () => (await statusOf(source)) === 'completed');
    // Pages were sent more than once, or this proves nothing.
    expect(end.pages).toBeGreaterThan(
      readMappedFile(at('mapped')).blocks.reduce((sum, { present }) => sum + present.size, 0),
    );
    const memory = await keepMemory(source, folder());
    await source.stop();
    for (const [, migrate] of LOADS.slice(1, 3)) {
      const vm = await restored(argvOf(options), `file:${at('mapped')}`, migrate);
      await expectSameMemory(memory, await memoryOf(vm, folder()));
      await expectRunsOn(vm);
    }
  });

  test('as a background snapshot has the moment at which it began', async () => {
    const options = { dirtyMiB: 32, dirtyMiBPerSecond: 0 };
    const source = await busyDemo(options);
    const before = await counterOf(source);
    await ingestLive(source, 'mapped', { capabilities: { 'background-snapshot': true } });
    await until('QEMU has completed', async () => (await statusOf(source)) === 'completed');
    const after = await counterOf(source);
    expect(await source.status()).toBe('running');
    await source.stop();
    const vm = await restored(argvOf(options), `file:${at('mapped')}`, { mappedRam: true, channels: 2 });
    const saved = await counterOf(vm);
    expect(saved).toBeGreaterThanOrEqual(before);
    expect(saved).toBeLessThan(after);
    // Every page of the window begins with what the counter was when it was written: one moment has no later ones.
    const window = await vm.readMemory(demoLayout.window, 32 * MIB);
    let newest = 0n;
    for (let page = 0; page < 8192; page++) {
      const written = window.readBigUInt64LE(page * 4096);
      if (written > newest) newest = written;
    }
    expect(newest).toBeLessThanOrEqual(saved + 1n);
    expect(newest).toBeGreaterThanOrEqual(saved - 1n);
    await expectHoldsBlocksOf(at('mapped'), vm, folder());
  });

  test('of a paused guest, as a background snapshot, has its memory page for page', async () => {
    const source = await busyDemo({});
    await source.qmp('stop');
    const memory = await keepMemory(source, folder());
    await ingestLive(source, 'mapped', { capabilities: { 'background-snapshot': true } });
    await source.stop();
    const vm = await restored(argvOf({}), `file:${at('mapped')}`, { mappedRam: true });
    await expectSameMemory(memory, await memoryOf(vm, folder()));
    await expectRunsOn(vm);
  });

  test('is given up when its QEMU dies, and leaves no stream', async () => {
    const source = await busyDemo({ dirtyMiB: 32, dirtyMiBPerSecond: 0 });
    const ending = ingestLive(source, 'mapped', { parameters: { 'max-bandwidth': 20 * MIB } });
    const refused = expect(ending).rejects.toMatchObject({ failure: { code: 'format.truncated' } });
    await sleep(400);
    await source.stop();
    await refused;
    expect((await readFile(at('mapped'))).subarray(0, 4)).toEqual(Buffer.alloc(4));
  });
});

describe('a mapped-ram file that QEMU wrote', () => {
  const SAVES: readonly (readonly [string, MigrateOptions])[] = [
    ['paused', { mappedRam: true }],
    ['with 2 channels and direct-io', { mappedRam: true, channels: 2, directIo: true }],
  ];

  test.each(SAVES)('%s, made into a stream, is loaded from a file and from a pipe', async (_, migrate) => {
    const source = await busyDemo({});
    await source.qmp('stop');
    await source.save(`file:${at('mapped')}`, migrate);
    const memory = await keepMemory(source, folder());
    await source.stop();
    await emit('mapped', 'stream');
    await expectSameBlocks(at('mapped'), at('stream'));
    const vm = await restored(argvOf({}), `file:${at('stream')}`, {});
    await expectSameMemory(memory, await memoryOf(vm, folder()));
    await expectRunsOn(vm);
    const piped = await start([...argvOf({}), '-S', '-incoming', 'defer']);
    await emitInto(piped, 'mapped');
    await expectSameMemory(memory, await memoryOf(piped, folder()));
    await expectRunsOn(piped);
  });

  test('live, with stale pages, has them as zero in the stream', async () => {
    const options = { dirtyMiB: 32, dirtyMiBPerSecond: 0 };
    const source = await busyDemo(options);
    await source.save(`file:${at('mapped')}`, { mappedRam: true, channels: 2, parameters: { 'downtime-limit': 2000 } });
    const memory = await keepMemory(source, folder());
    await source.stop();
    await emit('mapped', 'stream');
    const vm = await restored(argvOf(options), `file:${at('stream')}`, {});
    await expectSameMemory(memory, await memoryOf(vm, folder()));
    await ingest('mapped', 'anew');
    const anew = await restored(argvOf(options), `file:${at('anew')}`, { mappedRam: true, channels: 2 });
    await expectSameMemory(memory, await memoryOf(anew, folder()));
  });
});

/** Sends a file to a VM that waits for a stream, until that has loaded it. */
async function emitInto(vm: PlainQemu, source: string): Promise<void> {
  const pipe = await openPipe();
  pipes.push(pipe);
  await vm.setMigration({});
  await vm.giveFd('stream', pipe.read.fd);
  await pipe.read.close();
  const target = await leaseOf(`/proc/self/fd/${pipe.write.fd}`);
  await vm.qmp('migrate-incoming', { uri: 'fd:stream' });
  await runTransfer(api, { kind: 'emit', source: await leaseOf(at(source)), target });
  await pipe.write.close();
  await until('it is loaded', async () => (await statusOf(vm)) === 'completed');
}

describe('QEMU 7.2, which has neither mapped-ram nor file:', () => {
  const old = { machine: 'q35' as const };
  const argv = (): readonly string[] => argvOf(old).map((word) => (word === 'q35' ? 'pc-q35-7.2' : word));

  test('saves through a pipe what today’s QEMU loads', async () => {
    const { program } = await oldQemu();
    const source = await start(argv(), program);
    await until('it has written much', async () => (await counterOf(source)) > 20_000n);
    await source.qmp('stop');
    const memory = await keepMemory(source, folder());
    await ingestLive(source, 'mapped', {});
    await source.stop();
    const vm = await restored(argv(), `file:${at('mapped')}`, { mappedRam: true, channels: 2 });
    await expectSameMemory(memory, await memoryOf(vm, folder()));
    await expectRunsOn(vm);
  });

  test('loads from a pipe what today’s QEMU saved', async () => {
    const { program } = await oldQemu();
    const source = await start(argv());
    await until('it has written much', async () => (await counterOf(source)) > 20_000n);
    await source.qmp('stop');
    await source.save(`file:${at('mapped')}`, { mappedRam: true, channels: 2 });
    const memory = await keepMemory(source, folder());
    await source.stop();
    const vm = await start([...argv(), '-S', '-incoming', 'defer'], program);
    await emitInto(vm, 'mapped');
    await expectSameMemory(memory, await memoryOf(vm, folder()));
    await expectRunsOn(vm);
  });
});
