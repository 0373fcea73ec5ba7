/**
 * The whole path in the real app with real QEMU, as a person goes it: start the demo VM, save it live over two channels
 * with direct I/O, end it, restore it, and it goes on counting where it stopped.
 */
import { randomBytes } from 'node:crypto';
import { open } from 'node:fs/promises';
import type { Reply } from '@shared/contracts/app';
import type { LibraryOverview } from '@shared/contracts/library';
import type { Machine } from '@shared/contracts/machines';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { appEnv, launchApp, type LaunchedApp } from '../support/electron';
import { readGuestMemory, withMonitor, writeGuestMemory } from '../support/guest-memory';
import { endProcess, hasEnded } from '../support/processes';
import { runCli } from '../support/cli';
import { until } from '../support/until';
import { openPart } from './session';

/** As resources/demo/demo.asm says, in guest-physical addresses. */
const COUNTER = 0x10_0000;
const NONCE = 0x10_0800;
const PAGE = 4096;

let launched: LaunchedApp;
const started = new Set<number>();

beforeAll(async () => {
  launched = await launchApp({ size: { width: 1280, height: 800 } });
});
afterAll(async () => {
  for (const { pid } of await machines().catch(() => [])) if (pid !== null) started.add(pid);
  for (const pid of started) await endProcess(pid);
  await launched?.close();
});

async function ask<T>(service: string, method: string, ...args: readonly unknown[]): Promise<T> {
  const reply = await launched.page.evaluate<Reply>(
    `stillframe.invoke(${JSON.stringify(service)}, ${JSON.stringify(method)}, ${JSON.stringify(args)})`,
  );
  if (!reply.ok) throw new Error(JSON.stringify(reply.failure));
  return reply.value as T;
}
const machines = (): Promise<readonly Machine[]> => ask('machines', 'list');

async function theMachine(state: Machine['state']): Promise<Machine & { toolsQmp: string; pid: number }> {
  let found: Machine | undefined;
  await until(`one machine is ${state}`, async () => {
    found = (await machines()).find((machine) => machine.state === state);
    return found !== undefined;
  });
  const { toolsQmp, pid } = found ?? {};
  if (found === undefined || toolsQmp == null || pid == null)
    throw new Error('a running machine has a socket and a pid');
  started.add(pid);
  return { ...found, toolsQmp, pid };
}

const counterOf = async (socket: string): Promise<bigint> =>
  (await readGuestMemory(socket, COUNTER, 8)).readBigUInt64LE(0);

async function bytesOfFile(path: string, offset: number, length: number): Promise<Buffer> {
  const file = await open(path, 'r');
  try {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(length), 0, length, offset);
    expect(bytesRead).toBe(length);
    return buffer;
  } finally {
    await file.close();
  }
}

async function locate(file: string, gpa: number): Promise<{ fileOffset: number; present: boolean }> {
  const result = await runCli(['locate', file, '--gpa', `0x${gpa.toString(16)}`, '--json'], {
    env: appEnv(launched.dirs),
    cwd: launched.dirs.root,
  });
  expect(result.stderr).toBe('');
  return result.json() as { fileOffset: number; present: boolean };
}

describe('a demo VM, from start to restore', () => {
  const nonce = randomBytes(64);
  let memoryFile = '';
  let savedCounter = 0n;

  it('starts from the empty state with one click and counts', async () => {
    await launched.page.getByRole('button', { name: 'Start the demo VM' }).click();
    const vm = await theMachine('running');
    await launched.page.getByRole('group', { name: /stillframe-demo, Running/ }).waitFor();
    const first = await counterOf(vm.toolsQmp);
    await until('the counter grows', async () => (await counterOf(vm.toolsQmp)) > first);
    await writeGuestMemory(vm.toolsQmp, NONCE, nonce);
  });

  it('is saved live with 2 channels and direct I/O from the dialog', async () => {
    const { page } = launched;
    await page.getByRole('button', { name: 'Save…' }).first().click();
    const dialog = page.getByRole('dialog');
    await dialog.getByLabel('Name').fill('round-trip');
    await dialog.getByRole('radio', { name: 'Live' }).click();
    await openPart(dialog, 'Engine and flush');
    await dialog.getByRole('spinbutton', { name: 'Channels' }).fill('2');
    await dialog.getByRole('checkbox', { name: /Direct I\/O/ }).check();
    await dialog.getByRole('radio', { name: 'End QEMU' }).click();
    const vm = await theMachine('running');
    await dialog.getByRole('button', { name: 'Save', exact: true }).click();
    await page.getByRole('button', { name: 'Show in library' }).waitFor({ timeout: 60_000 });
    expect(await hasEnded(vm.pid, 10_000), 'QEMU is ended once the snapshot is sealed').toBe(true);
    await page.getByRole('button', { name: 'Show in library' }).click();
    await page.getByRole('option', { name: /^round-trip, Good/ }).waitFor();

    const { entries } = await ask<LibraryOverview>('library', 'overview');
    expect(entries.map(({ name }) => name)).toEqual(['round-trip']);
    const manifest = entries[0]?.manifest;
    expect(manifest).toMatchObject({ mode: 'live', channels: 2, directIo: true, durable: true, wasRunning: true });
    memoryFile = entries[0]?.memoryFile ?? '';
  });

  it('has its nonce and its counter in the file where locate says', async () => {
    const at = await locate(memoryFile, NONCE);
    expect(at).toMatchObject({ present: true });
    expect(await bytesOfFile(memoryFile, at.fileOffset, nonce.length)).toEqual(nonce);
    const counter = await locate(memoryFile, COUNTER);
    savedCounter = (await bytesOfFile(memoryFile, counter.fileOffset, 8)).readBigUInt64LE(0);
    expect(savedCounter).toBeGreaterThan(0n);
  });

  it('is restored paused with exactly those bytes, and goes on counting when resumed', async () => {
    const { page } = launched;
    await page.getByRole('radiogroup', { name: 'After the restore' }).getByRole('radio', { name: 'Paused' }).click();
    await page.getByRole('button', { name: 'Restore', exact: true }).click();
    const vm = await theMachine('paused');
    expect(await readGuestMemory(vm.toolsQmp, NONCE, nonce.length)).toEqual(nonce);
    expect(await counterOf(vm.toolsQmp)).toBe(savedCounter);
    const { fileOffset } = await locate(memoryFile, COUNTER);
    const page256 = fileOffset - (fileOffset % PAGE);
    expect(await readGuestMemory(vm.toolsQmp, COUNTER - (COUNTER % PAGE), PAGE)).toEqual(
      await bytesOfFile(memoryFile, page256, PAGE),
    );

    await page
      .getByRole('group', { name: /Paused/ })
      .getByRole('button', { name: 'Resume' })
      .click();
    await theMachine('running');
    await until('the counter grows from the saved value', async () => (await counterOf(vm.toolsQmp)) > savedCounter);
    expect(await withMonitor(vm.toolsQmp, (monitor) => monitor.status())).toBe('running');
  });

  it('is powered off after a question, and its snapshot stays', async () => {
    const { page } = launched;
    const vm = await theMachine('running');
    await page
      .getByRole('group', { name: /Running/ })
      .getByRole('button', { name: /^More of/ })
      .click();
    await page.getByRole('menuitem', { name: 'Power off…' }).click();
    await page.getByRole('dialog').getByRole('button', { name: 'Power off' }).click();
    expect(await hasEnded(vm.pid, 10_000)).toBe(true);
    const { entries } = await ask<LibraryOverview>('library', 'overview');
    expect(entries.map(({ name, state }) => [name, state.kind])).toEqual([['round-trip', 'good']]);
  });

  it('left no error in the page', () => {
    expect(launched.pageErrors()).toEqual([]);
  });
});
