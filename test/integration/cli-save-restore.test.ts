import { demoLayout } from '../../src-main/machines/demo';
import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdir, open, readdir, readFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, test } from 'vitest';
import { cliPerTest } from '../support/cli';
import { readGuestMemory, withMonitor, writeGuestMemory } from '../support/guest-memory';
import { isAlive } from '../support/processes';
import { until } from '../support/until';

const desk = cliPerTest();
const PLAIN_RESTORE = resolve(import.meta.dirname, '../independent/restore.mjs');

interface Started {
  readonly machine: string;
  readonly pid: number;
  readonly qmp: string;
  readonly state: string;
  readonly timings: Readonly<Record<string, number>>;
}

interface Saved {
  readonly snapshot: string;
  readonly memoryFile: string;
  readonly engine: string;
  readonly channels: number;
  readonly directIo: boolean;
  readonly bytesWritten: number;
  readonly pagesWritten: number;
  readonly timings: Readonly<Record<string, number>>;
  readonly durable: boolean;
}

interface Located {
  readonly block: string;
  readonly page: number;
  readonly guestPhysical: number | null;
  readonly fileOffset: number;
  readonly present: boolean;
}

/** A demo VM that counts already. */
async function startDemo(...options: readonly string[]): Promise<Started> {
  const result = await desk().run('start', '--demo', '--memory', '64', '--json', ...options);
  expect(result.stderr).toBe('');
  expect(result.code).toBe(0);
  const started = result.json() as Started;
  await until('the demo VM counts', async () => (await counter(started.qmp)) > 0n);
  return started;
}

const counter = async (qmp: string): Promise<bigint> =>
  (await readGuestMemory(qmp, demoLayout.counter, 8)).readBigUInt64LE();

async function putNonce(qmp: string): Promise<Buffer> {
  const nonce = randomBytes(demoLayout.nonceLength);
  await writeGuestMemory(qmp, demoLayout.nonce, nonce);
  return nonce;
}

async function save(...args: readonly string[]): Promise<Saved> {
  const result = await desk().run('save', ...args, '--json');
  expect(result.code, result.stderr).toBe(0);
  return result.json() as Saved;
}

async function restore(...args: readonly string[]): Promise<Started> {
  const result = await desk().run('restore', ...args, '--json');
  expect(result.code, result.stderr).toBe(0);
  return result.json() as Started;
}

/** The bytes of the file where `locate` says that a guest-physical address is. */
async function bytesAt(file: string, gpa: number, length: number): Promise<Buffer> {
  const located = await desk().run('locate', file, '--gpa', `0x${gpa.toString(16)}`, '--json');
  expect(located.code, located.stderr).toBe(0);
  const { fileOffset, present } = located.json() as Located;
  expect(present).toBe(true);
  const handle = await open(file);
  try {
    return (await handle.read(Buffer.alloc(length), 0, length, fileOffset)).buffer;
  } finally {
    await handle.close();
  }
}

async function expectCounting(qmp: string): Promise<void> {
  const before = await counter(qmp);
  await until('the counter grows', async () => (await counter(qmp)) > before);
}

test('a demo VM that is saved live with 2 channels and direct I/O goes on counting where it stopped', async () => {
  const vm = await startDemo();
  expect(vm).toMatchObject({ state: 'running' });
  expect(Object.keys(vm).sort()).toEqual(['machine', 'pid', 'qmp', 'state', 'timings']);
  const nonce = await putNonce(vm.qmp);

  const saved = await save(vm.machine, '--live', '--channels', '2', '--direct-io', '--after', 'quit', '--name', 'one');
  expect(saved).toMatchObject({ snapshot: 'one', engine: 'native', channels: 2, directIo: true, durable: true });
  expect(Object.keys(saved).sort()).toEqual(
    'bytesWritten channels directIo durable engine flush memoryFile pagesWritten snapshot timings'.split(' '),
  );
  expect(Object.keys(saved.timings).sort()).toEqual('flushingMs pausedMs sealingMs totalMs writingMs'.split(' '));
  expect(saved.bytesWritten).toBeGreaterThan(16 * 2 ** 20);
  expect(saved.pagesWritten).toBeGreaterThan(4096);
  expect(await isAlive(vm.pid)).toBe(false);

  const restored = await restore('one', '--paused');
  expect(restored.state).toBe('paused');
  expect(Object.keys(restored).sort()).toEqual(['machine', 'pid', 'qmp', 'state', 'timings']);
  expect((await bytesAt(saved.memoryFile, demoLayout.nonce, 64)).equals(nonce)).toBe(true);
  expect((await readGuestMemory(restored.qmp, demoLayout.nonce, 64)).equals(nonce)).toBe(true);
  const savedCounter = await bytesAt(saved.memoryFile, demoLayout.counter, 8);
  expect(savedCounter.readBigUInt64LE()).toBeGreaterThan(0n);
  expect((await readGuestMemory(restored.qmp, demoLayout.counter, 8)).equals(savedCounter)).toBe(true);

  await withMonitor(restored.qmp, (monitor) => monitor.qmp('cont'));
  await expectCounting(restored.qmp);
  expect(await counter(restored.qmp)).toBeGreaterThan(savedCounter.readBigUInt64LE());
});

test('a live save of a VM that writes all the time loses no write', async () => {
  const vm = await startDemo('--dirty', '16', '--rate', '256');
  await until('it is in its third pass', async () => (await counter(vm.qmp)) > 2n * 16n * 256n);
  const saved = await save(vm.machine, '--live', '--after', 'quit');
  const counted = Number((await bytesAt(saved.memoryFile, demoLayout.counter, 8)).readBigUInt64LE());
  const pages = 16 * 256;
  const next = counted % pages;
  expect(counted).toBeGreaterThan(pages);
  const window = await bytesAt(saved.memoryFile, demoLayout.window, pages * 4096);
  const wrong = Array.from({ length: pages }, (_, index) => {
    const expected = counted - next + index - (index < next ? 0 : pages);
    const found = Number(window.readBigUInt64LE(index * 4096));
    // Only the page being written may be one ahead of the counter.
    return found === expected || Math.abs(index - next) <= 1 ? [] : [{ index, expected, found }];
  }).flat();
  expect(wrong).toEqual([]);
});

describe('what happens to the VM after the save', () => {
  test.each([
    ['run', 'live', 'running'],
    ['pause', 'live', 'postmigrate'],
    ['run', 'paused', 'running'],
    ['pause', 'paused', 'postmigrate'],
  ])('%s after a %s save: it is %s', async (after, mode, status) => {
    const vm = await startDemo();
    await save(vm.machine, `--${mode}`, '--after', after, '--no-direct-io', '--flush', 'none');
    expect(await withMonitor(vm.qmp, (monitor) => monitor.status())).toBe(status);
  });

  test('a VM that was paused stays paused when nothing is said, and is restored paused', async () => {
    const vm = await startDemo();
    await withMonitor(vm.qmp, (monitor) => monitor.qmp('stop'));
    await save(vm.machine, '--name', 'still');
    expect(await withMonitor(vm.qmp, (monitor) => monitor.status())).toBe('postmigrate');
    expect((await restore('still')).state).toBe('paused');
  });

  test('a VM that ran is restored running', async () => {
    const vm = await startDemo();
    await save(vm.machine, '--paused', '--name', 'ran', '--after', 'quit');
    const restored = await restore('ran');
    expect(restored.state).toBe('running');
    await expectCounting(restored.qmp);
  });
});

test('--out writes the snapshot folder there, outside the library, and it restores from there', async () => {
  const vm = await startDemo();
  const nonce = await putNonce(vm.qmp);
  const out = join(desk().folder, 'kept', 'here');
  await mkdir(join(out, '..'));
  const saved = await save(vm.machine, '--out', 'kept/here', '--flush', 'none', '--note', 'outside', '--after', 'quit');
  expect(saved.memoryFile).toBe(join(out, 'memory.mapped'));
  expect(saved.durable).toBe(false);
  expect((await readdir(out)).sort()).toEqual(expect.arrayContaining(['manifest.json', 'memory.mapped']) as string[]);
  const list = (await desk().run('list', '--json')).json() as { snapshots: unknown[] };
  expect(list.snapshots).toEqual([]);
  const restored = await restore('kept/here', '--paused');
  expect((await readGuestMemory(restored.qmp, demoLayout.nonce, 64)).equals(nonce)).toBe(true);
});

describe('what the CLI saved restores in plain QEMU', () => {
  test('without multifd, with 2 channels, and with 2 channels and direct I/O', async () => {
    const vm = await startDemo();
    const nonce = await putNonce(vm.qmp);
    const saved = await save(vm.machine, '--channels', '2', '--after', 'quit');
    const counted = await bytesAt(saved.memoryFile, demoLayout.counter, 8);
    const manifest = JSON.parse(await readFile(join(saved.memoryFile, '../manifest.json'), 'utf8')) as {
      recipe: { argv: string[] };
    };
    for (const how of [[], ['--channels', '2'], ['--channels', '2', '--direct-io']]) {
      const reads = [`${demoLayout.nonce}:64`, `${demoLayout.counter}:8`].flatMap((range) => ['--read', range]);
      const words = [PLAIN_RESTORE, saved.memoryFile, ...how, ...reads, '--run-ms', '400', '--'];
      const { stdout } = await promisify(execFile)(process.execPath, [...words, ...manifest.recipe.argv]);
      const { before, after } = JSON.parse(stdout) as { before: string[]; after: string[] };
      expect(before).toEqual([nonce.toString('hex'), counted.toString('hex')]);
      expect(after[0]).toBe(nonce.toString('hex'));
      const later = Buffer.from(after[1] ?? '', 'hex').readBigUInt64LE();
      expect(later).toBeGreaterThan(counted.readBigUInt64LE());
    }
  });
});

describe('An engine named on the command line', () => {
  test.each([
    ['native', '--live', 'none', false],
    ['channels', '--paused', 'full', true],
    ['ingest', '--paused', 'end', true],
  ])('%s saves %s, and QEMU brings the memory back', async (engine, mode, flush, durable) => {
    const vm = await startDemo();
    const nonce = await putNonce(vm.qmp);
    const saved = await save(
      vm.machine,
      mode,
      '--engine',
      engine,
      '--flush',
      flush,
      '--after',
      'quit',
      '--name',
      'one',
    );
    expect(saved).toMatchObject({ engine, durable });
    const restored = await restore('one', '--engine', 'native', ...(durable ? [] : ['--paused']));
    expect(await readGuestMemory(restored.qmp, demoLayout.nonce, nonce.length)).toEqual(nonce);
  });

  test('that cannot is refused with its reason, and so is an early release of a VM that is to live on', async () => {
    const vm = await startDemo();
    const live = await desk().run('save', vm.machine, '--live', '--engine', 'channels');
    expect(live.code).not.toBe(0);
    expect(live.stderr).toContain('Channels copy the memory of a guest that stands still');
    expect(live.stderr).toContain('Save it paused.');
    const early = await desk().run('save', vm.machine, '--release-early');
    expect(early.code).toBe(2);
    expect(early.stderr).toContain('--release-early needs --after quit');
    const unknown = await desk().run('save', vm.machine, '--engine', 'magic');
    expect(unknown.code).toBe(2);
    await expectCounting(vm.qmp);
  });
});

test('start --huge-pages says how many to reserve, or gets them', async () => {
  const { code, stderr, stdout } = await desk().run('start', '--demo', '--memory', '64', '--huge-pages');
  if (code === 0) expect(stdout).toContain('is running');
  else expect(stderr).toMatch(/needs \d+ huge pages of 2 MiB, and \d+ are free.*sysctl vm\.nr_hugepages=\d+/s);
});
