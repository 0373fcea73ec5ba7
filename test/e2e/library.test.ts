/** The library and restoring in the real app: finding, renaming, importing, deciding, restoring, and letting go. */
import { copyFile, open, readdir, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Machine } from '@shared/contracts/machines';
import { withMonitor } from '../support/guest-memory';
import { endProcess, isAlive } from '../support/processes';
import { SMALL, eventually, nameless, openSession, settle, textOf, type Session } from './session';

let session: Session;
let small: Machine;
let disk: string;

/** A demo VM and one with a writable disk; each with snapshots, the second ended. */
beforeAll(async () => {
  session = await openSession();
  small = await session.begin(SMALL);
  await session.save(small, 'first', { note: 'Before the experiment.' });
  await session.save(small, 'second', { flush: 'none' });
  disk = join(session.dirs.root, 'work.img');
  await writeFile(disk, Buffer.alloc(1 << 20, 7));
  const command = `qemu-system-x86_64 -accel tcg -m 32 -vga std -display none -drive file=${disk},format=raw,if=virtio`;
  const writable = await session.begin({ kind: 'command-line', name: 'with-disk', commandLine: command, cwd: null });
  await session.save(writable, 'on-disk', { mode: 'paused', after: 'quit' });
  await session.page.keyboard.press('Alt+2');
  await option('first').waitFor();
});
afterAll(() => session?.end());

const dialog = () => session.page.getByRole('dialog');
const option = (name: string) => session.page.getByRole('option', { name: new RegExp(`^${name},`) });
const panel = () => session.page.locator('aside').filter({ visible: true });
const restoreButton = () => panel().getByRole('button', { name: 'Restore', exact: true });
const names = async (): Promise<string[]> => (await session.page.locator('[role=option] .name').allInnerTexts()).sort();
const preflightDone = () => panel().getByText('Check again').waitFor();

describe('the list', () => {
  it('shows what is there, how much of the RAM is on disk, and how good it is', async () => {
    expect(await names()).toEqual(['first', 'on-disk', 'second']);
    expect(await textOf(option('first'))).toMatch(
      /first .*, live, 2 channels Before the experiment\. .* of 64 MiB Good/,
    );
    expect(await textOf(option('second'))).toContain('Not durable');
    expect(await textOf(session.page.locator('header p').last())).toMatch(
      /^3 snapshots, \S+ MiB on disk for 160 MiB of RAM$/,
    );
  });

  it('is narrowed by the rail and by words', async () => {
    await session.page.getByRole('button', { name: /^Not durable/ }).click();
    expect(await names()).toEqual(['second']);
    await session.page.getByRole('button', { name: /^All/ }).click();
    await session.page.keyboard.press('/');
    await session.page.keyboard.type('experiment');
    await option('second').waitFor({ state: 'detached' });
    expect(await names()).toEqual(['first']);
    await session.page.keyboard.press('Escape');
    await option('second').waitFor();
  });

  it('is grouped by machine, and a group shuts', async () => {
    await session.page.getByRole('radio', { name: 'By machine' }).click();
    const group = session.page.getByRole('button', { name: /with-disk/ });
    await group.click();
    await option('on-disk').waitFor({ state: 'detached' });
    await group.click();
    await option('on-disk').waitFor();
    await session.page.getByRole('radio', { name: 'Newest' }).click();
  });

  it('is a grid, too, in which arrows choose', async () => {
    await session.page.getByRole('radio', { name: 'Grid' }).click();
    await option('on-disk').focus();
    await session.page.keyboard.press('ArrowRight');
    await settle();
    expect(await option('second').getAttribute('aria-selected')).toBe('true');
    await session.page.getByRole('radiogroup', { name: 'Layout' }).getByRole('radio', { name: 'List' }).last().click();
  });

  it('shows the screen that the guest had', async () => {
    const picture = panel().getByRole('img', { name: /^Screen of/ });
    expect(await picture.evaluate((image: unknown) => (image as { naturalWidth: number }).naturalWidth)).toBe(720);
  });
});

describe('a snapshot', () => {
  it('is renamed with F2, but not to a name that is taken', async () => {
    await option('second').click();
    await session.page.keyboard.press('F2');
    await dialog().getByLabel('Name').fill('first');
    await session.page.keyboard.press('Enter');
    expect(await textOf(dialog().getByRole('alert'))).toMatch(/first/);
    await dialog().getByLabel('Name').fill('later');
    await session.page.keyboard.press('Enter');
    await option('later').waitFor();
    expect(await option('later').getAttribute('aria-selected')).toBe('true');
    expect((await readdir(session.libraryFolder)).sort()).toEqual(['first', 'later', 'on-disk']);
  });

  it('has a note that is kept', async () => {
    await panel().getByRole('button', { name: 'Add a note' }).click();
    await dialog().getByLabel('Note').fill('Kept through <b>everything</b>.');
    await dialog().getByRole('button', { name: 'Keep note' }).click();
    await panel().getByText('“Kept through <b>everything</b>.”').waitFor();
    expect((await session.entry('later')).note).toBe('Kept through <b>everything</b>.');
  });

  it('is imported from a bare file, and says that it cannot be restored without its command line', async () => {
    const file = join(session.dirs.root, 'bare.save');
    await copyFile((await session.entry('first')).memoryFile ?? '', file);
    await session.choose(file);
    await session.page.getByRole('button', { name: 'Import…' }).click();
    await session.page.getByRole('option', { name: /^bare\.save, Imported/ }).waitFor();
    await preflightDone();
    expect(await restoreButton().isDisabled()).toBe(true);
    expect(await textOf(panel())).toContain('It cannot be restored here.');
    await session.page.getByRole('option', { name: /^bare\.save/ }).focus();
    await session.page.keyboard.press('Delete');
    await dialog().getByRole('button', { name: 'Forget' }).click();
    await session.page.getByRole('option', { name: /^bare\.save/ }).waitFor({ state: 'detached' });
    expect((await readdir(session.dirs.root)).includes('bare.save')).toBe(true);
  });
});

describe('restoring', () => {
  it('waits for a decision when a disk was written since, and does it when it is made', async () => {
    const file = await open(disk, 'r+');
    await file.write(Buffer.alloc(512, 9), 0, 512, 65_536);
    await file.close();
    await option('on-disk').click();
    await panel().getByRole('button', { name: 'Check again' }).click();
    await panel()
      .getByText(/work\.img was written after this save/)
      .waitFor();
    expect(await restoreButton().isDisabled()).toBe(true);
    expect(await textOf(panel())).toContain('Decide on the disk finding first.');
    await option('on-disk').focus();
    await session.page.keyboard.press('r');
    await settle();
    expect((await session.machine('with-disk')).state).toBe('off');

    await panel().getByRole('checkbox').check();
    expect(await restoreButton().isEnabled()).toBe(true);
    await restoreButton().click();
    await session.card('with-disk').getByText('Running').waitFor({ timeout: 30_000 });
    expect(await session.page.locator('nav [aria-current=page]').first().innerText()).toContain('Machines');
    const { toolsQmp } = await session.machine('with-disk');
    expect(await withMonitor(toolsQmp ?? '', (monitor) => monitor.status())).toBe('running');
  });

  it('that QEMU refuses says why, and goes on saying it when the check is made anew', async () => {
    await session.page.keyboard.press('Alt+2');
    await option('on-disk').click();
    await preflightDone();
    await panel().getByRole('checkbox').check();
    await restoreButton().click();
    const alert = panel().getByRole('alert');
    await alert.waitFor({ timeout: 30_000 });
    expect(await textOf(alert)).toMatch(/lock/);
    await panel().getByRole('button', { name: 'Check again' }).click();
    await settle();
    expect(await alert.isVisible()).toBe(true);
    await alert.getByRole('button', { name: 'Dismiss' }).click();
    await alert.waitFor({ state: 'detached' });
  });

  it('stays paused with R when that was chosen', async () => {
    await endProcess((await session.machine(small.name)).pid ?? 0, 0);
    await session.page.keyboard.press('Alt+2');
    await option('first').click();
    await preflightDone();
    await panel().getByRole('radio', { name: 'Paused' }).click();
    await option('first').focus();
    await session.page.keyboard.press('r');
    await eventually('a machine is paused', async () => (await session.machine(small.name)).state === 'paused', 30_000);
  });

  it('is not offered for a snapshot that is damaged; it can be inspected', async () => {
    await truncate((await session.entry('later')).memoryFile ?? '', 500_000);
    await session.ask('library', 'setNote', (await session.entry('first')).id, 'Reads the folder again.');
    await session.page.keyboard.press('Alt+2');
    await session.page.getByRole('option', { name: /^later, Damaged/ }).click();
    await panel().getByRole('heading', { name: 'Not restorable' }).waitFor();
    expect(await restoreButton().count()).toBe(0);
    await session.page.getByRole('option', { name: /^later/ }).focus();
    await session.page.keyboard.press('i');
    await session.page.locator('[data-view=inspector]').getByText('later').first().waitFor();
    await session.page.keyboard.press('Alt+2');
  });
});

describe('the window', () => {
  it('looks into a file that is dropped on it, from any room', async () => {
    const file = (await session.entry('first')).memoryFile ?? '';
    const cdp = await session.page.context().newCDPSession(session.page);
    const data = { items: [], files: [file], dragOperationsMask: 1 };
    for (const type of ['dragEnter', 'dragOver', 'drop'] as const) {
      await cdp.send('Input.dispatchDragEvent', { type, x: 400, y: 400, data });
    }
    await cdp.detach();
    await session.page.locator('[data-view=inspector]').getByText('pc.ram').first().waitFor();
    expect(await session.page.locator('nav [aria-label="Inspector"]').getAttribute('aria-current')).toBe('page');
    await session.page.keyboard.press('Alt+2');
  });

  it('makes a drawer of the panel when it is narrow, which R opens before it restores', async () => {
    await session.resize({ width: 1024, height: 680 });
    await restoreButton().waitFor({ state: 'hidden' });
    await option('first').focus();
    await session.page.keyboard.press('r');
    await restoreButton().waitFor();
    expect((await session.machine(small.name)).state).toBe('paused');
    await session.page.getByRole('button', { name: 'Right panel, Ctrl+.' }).click();
    await restoreButton().waitFor({ state: 'hidden' });
    await session.page.keyboard.press('Control+.');
    await restoreButton().waitFor();
    await session.resize({ width: 1280, height: 800 });
  });

  it('remembers how wide the panel was made', async () => {
    const edge = panel().getByRole('separator', { name: 'Width of the panel' });
    const before = Number(await edge.getAttribute('aria-valuenow'));
    await edge.focus();
    await session.page.keyboard.press('ArrowLeft');
    await session.page.keyboard.press('ArrowLeft');
    expect(Number(await edge.getAttribute('aria-valuenow'))).toBe(before + 32);
    await session.page.reload();
    await session.page.keyboard.press('Alt+2');
    expect(Number(await edge.getAttribute('aria-valuenow'))).toBe(before + 32);
  });
});

describe('letting go', () => {
  it('asks, then moves the folder to the trash', async () => {
    await session.page.getByRole('option', { name: /^later/ }).focus();
    await session.page.keyboard.press('Delete');
    await dialog().getByRole('button', { name: 'Keep' }).click();
    expect(await option('later').count()).toBe(1);
    await session.page.keyboard.press('Delete');
    await dialog().getByRole('button', { name: 'Move to trash' }).click();
    await option('later').waitFor({ state: 'detached' });
    expect((await readdir(session.libraryFolder)).includes('later')).toBe(false);
    expect((await session.ask<{ pid: number | null }[]>('machines', 'list')).length).toBe(2);
  });

  it('leaves VMs alone, names every control, and logs no error', async () => {
    const { pid } = await session.machine('with-disk');
    expect(await isAlive(pid ?? 0)).toBe(true);
    expect(await nameless(session.page)).toEqual([]);
    expect(session.pageErrors()).toEqual([]);
  });
});
