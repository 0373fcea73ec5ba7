import { randomBytes } from 'node:crypto';
import { constants } from 'node:fs';
import { open, readdir, readFile, readlink, writeFile, type FileHandle } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import { openPipe } from '../../src-main/files/pipe';
import { connectQmp, type QmpConnection } from '../../src-main/qemu/qmp';
import { queryCapabilities, queryParameters, setParameters } from '../../src-main/snapshots/migration';
import {
  captureDeviceState,
  prepareStream,
  writePrepared,
  type StreamVm,
} from '../../src-main/snapshots/save/device-state';
import { UndoStack } from '../../src-main/snapshots/save/undo';
import { oldQemu } from '../support/old-qemu';
import { PlainQemu } from '../support/plain-qemu';
import { tempDirPerTest } from '../support/temp';
import { until } from '../support/until';

const MIB = 1024 * 1024;
const folder = tempDirPerTest();
const vms: PlainQemu[] = [];
const monitors: QmpConnection[] = [];
const files: FileHandle[] = [];

afterEach(async () => {
  for (const monitor of monitors.splice(0)) monitor.close();
  await Promise.all(vms.splice(0).map((vm) => vm.stop()));
  await Promise.all(files.splice(0).map((file) => file.close()));
});

const INSTALLED = 'qemu-system-x86_64';
/** What is started is asked for late: unpacking the old QEMU takes its time. */
const PROGRAMS: readonly (readonly [string, () => Promise<string>])[] = [
  ['the installed QEMU', () => Promise.resolve(INSTALLED)],
  ['QEMU 7.2', async () => (await oldQemu()).program],
];

/** A VM whose 64 MiB of RAM, all random, are in a shared file; settings of its own that a save has to put back. */
async function boot(program = INSTALLED): Promise<StreamVm & { readonly process: PlainQemu }> {
  const ram = join(folder(), 'ram');
  await writeFile(ram, randomBytes(64 * MIB));
  const socket = join(folder(), 'free.sock');
  const process = await PlainQemu.start({
    program,
    argv: [
      ...[
        '-S',
        '-m',
        '64',
        '-vga',
        'std',
        '-object',
        `memory-backend-file,id=pc.ram,size=64M,mem-path=${ram},share=on`,
      ],
      ...['-machine', 'q35,memory-backend=pc.ram', '-qmp', `unix:${socket},server=on,wait=off`],
    ],
    folder: folder(),
  });
  vms.push(process);
  const qmp = await connectQmp(socket);
  monitors.push(qmp);
  await process.qmp('migrate-set-capabilities', { capabilities: [{ capability: 'release-ram', state: true }] });
  // Nobody has these credentials, so a stream that still wanted TLS would fail.
  await setParameters(qmp, { 'max-bandwidth': 7_000_000, 'downtime-limit': 123, 'tls-creds': 'nobodys' });
  return { qmp, process, capabilities: await queryCapabilities(qmp), parameters: await queryParameters(qmp) };
}

const settingsOf = async ({ qmp }: StreamVm) => ({
  capabilities: await queryCapabilities(qmp),
  parameters: await queryParameters(qmp),
});
const before = ({ capabilities, parameters }: StreamVm) => ({ capabilities, parameters });

async function stateFile(
  path = join(folder(), 'state'),
  flags = constants.O_RDWR | constants.O_CREAT,
): Promise<FileHandle> {
  const file = await open(path, flags, 0o600);
  files.push(file);
  return file;
}

/** Descriptors of QEMU on a file. */
async function held({ process }: { readonly process: PlainQemu }, ending: string): Promise<number> {
  const names = await readdir(`/proc/${process.pid}/fd`);
  const links = await Promise.all(names.map((name) => readlink(`/proc/${process.pid}/fd/${name}`).catch(() => '')));
  return links.filter((link) => link.endsWith(ending)).length;
}

const NEVER = new AbortController().signal;

describe('The device state of a paused VM', () => {
  test.each(PROGRAMS)('is written by %s without its shared RAM, and everything is put back', async (_, program) => {
    const vm = await boot(await program());
    const file = await stateFile();
    const undo = new UndoStack();
    const bytes = await captureDeviceState(vm, file, undo, NEVER);
    const state = await readFile(join(folder(), 'state'));
    expect(state.length).toBe(bytes);
    expect(state.subarray(0, 4).toString()).toBe('QEVM');
    expect(bytes).toBeLessThan(4 * MIB);
    for (const word of ['x-ignore-shared', 'pc.ram', 'vga.vram', 'pc.bios'])
      expect(state.includes(word), word).toBe(true);
    expect(await undo.run()).toEqual([]);
    expect(await settingsOf(vm)).toEqual(before(vm));
    expect(await held(vm, '/state')).toBe(0);
    expect(await vm.process.status()).toBe('postmigrate');
    await vm.qmp.execute('cont');
    expect(await vm.process.status()).toBe('running');
  });

  test('is not taken of a guest that runs', async () => {
    const vm = await boot();
    await vm.qmp.execute('cont');
    const undo = new UndoStack();
    await expect(captureDeviceState(vm, await stateFile(), undo, NEVER)).rejects.toMatchObject({
      failure: { code: 'save.failed', what: expect.stringContaining('guest runs') as string },
    });
    expect(await undo.run()).toEqual([]);
    expect(await settingsOf(vm)).toEqual(before(vm));
    expect(await held(vm, '/state')).toBe(0);
    expect(await vm.process.status()).toBe('running');
  });

  test('that cannot be written is a failure in QEMU’s words, with everything put back', async () => {
    const vm = await boot();
    const undo = new UndoStack();
    const full = await stateFile('/dev/full', constants.O_WRONLY);
    await expect(captureDeviceState(vm, full, undo, NEVER)).rejects.toMatchObject({
      failure: { code: 'save.failed', what: expect.stringMatching(/error|No space left/) as string },
    });
    expect(await undo.run()).toEqual([]);
    expect(await settingsOf(vm)).toEqual(before(vm));
    expect(await held(vm, '/full')).toBe(0);
    await vm.qmp.execute('cont');
  });

  test('is given up before the migration begins, and QEMU lets go of the file', async () => {
    const vm = await boot();
    const undo = new UndoStack();
    await expect(captureDeviceState(vm, await stateFile(), undo, AbortSignal.abort())).rejects.toThrow();
    expect(await held(vm, '/state')).toBe(1);
    expect(await undo.run()).toEqual([]);
    expect(await held(vm, '/state')).toBe(0);
    expect(await settingsOf(vm)).toEqual(before(vm));
  });
});

describe('A whole VM in a pipe', () => {
  test.each(PROGRAMS)('comes out of %s with its RAM, and the pipe ends when QEMU is done', async (_, program) => {
    const vm = await boot(await program());
    const undo = new UndoStack();
    const pipe = await openPipe();
    const prepared = await prepareStream(
      vm,
      { carries: 'everything', standsStill: true, rateLimit: null },
      pipe.write.fd,
      undo,
    );
    await pipe.write.close();
    const [ended, stream] = await Promise.all([writePrepared(vm, prepared, undo, NEVER), pipe.read.readFile()]);
    for (const step of prepared.putBack) await step.now();
    expect(stream.length).toBeGreaterThan(64 * MIB);
    expect(ended.ram?.transferred).toBeGreaterThan(64 * MIB);
    expect(stream.includes('x-ignore-shared')).toBe(false);
    expect(await undo.run()).toEqual([]);
    expect(await settingsOf(vm)).toEqual(before(vm));
    await pipe.close();
  });

  test.each(PROGRAMS)(
    'that nobody reads is given up by %s when its reader closes, and the guest runs on',
    async (_, program) => {
      const vm = await boot(await program());
      await vm.qmp.execute('cont');
      const undo = new UndoStack();
      const abort = new AbortController();
      const pipe = await openPipe();
      const prepared = await prepareStream(
        vm,
        { carries: 'everything', standsStill: false, rateLimit: null },
        pipe.write.fd,
        undo,
      );
      await pipe.write.close();
      const writing = writePrepared(vm, prepared, undo, abort.signal);
      undo.push('closing the pipe', () => pipe.close());
      const refused = expect(writing).rejects.toThrow('enough');
      await until(
        'the migration is active',
        async () => (await vm.process.qmp<{ status?: string }>('query-migrate')).status === 'active',
      );
      abort.abort(new Error('enough'));
      await refused;
      expect(await undo.run()).toEqual([]);
      expect(await settingsOf(vm)).toEqual(before(vm));
      expect(await vm.process.status()).toBe('running');
      expect(await vm.process.qmp('query-yank')).not.toContainEqual({ type: 'migration' });
    },
  );
});
