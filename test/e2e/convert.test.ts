/** Converting in the real app: a snapshot to a stream and to raw bytes, a file back, and what is refused. */
import { open, readdir, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { axeViolations } from './axe';
import { SMALL, nameless, openSession, settle, textOf, type Session } from './session';

let session: Session;
let folder: string;
beforeAll(async () => {
  session = await openSession();
  folder = session.dirs.root;
  await session.save(await session.begin(SMALL), 'to-convert', { after: 'quit' });
  await session.page.keyboard.press('Alt+2');
  await session.page.getByRole('option', { name: /^to-convert, Good/ }).click();
});
afterAll(() => session?.end());

const dialog = () => session.page.getByRole('dialog');
const panel = () => session.page.locator('aside').filter({ visible: true });
const lines = () => session.page.getByRole('list', { name: 'Conversions' }).getByRole('listitem');

async function openDialog(): Promise<void> {
  await panel().getByRole('button', { name: 'More of to-convert' }).click();
  await session.page.getByRole('menuitem', { name: 'Convert…' }).click();
  await dialog().getByRole('heading', { name: 'Convert to-convert?' }).waitFor();
}

async function bytesOf(path: string, length: number): Promise<string> {
  const file = await open(path, 'r');
  try {
    return (await file.read(Buffer.alloc(length), 0, length, 0)).buffer.toString('latin1');
  } finally {
    await file.close();
  }
}

describe('a snapshot', () => {
  it('has a form that starts on the safe side and says what each format is for', async () => {
    await openDialog();
    expect(await session.page.evaluate<string>('document.activeElement.textContent.trim()')).toBe('Cancel');
    expect(await textOf(dialog())).toMatch(
      /Mapped Cannot: it is mapped-ram already\. Stream An ordinary migration stream/,
    );
    expect(await dialog().getByRole('button', { name: 'Convert', exact: true }).isDisabled()).toBe(true);
    for (const theme of ['light', 'dark']) {
      await session.page.evaluate(`void (document.documentElement.dataset.theme = '${theme}')`);
      await settle();
      expect(await axeViolations(session.page, 'dialog')).toEqual([]);
    }
    expect(await nameless(session.page)).toEqual([]);
  });

  it('is refused a name that is taken, where another can be chosen', async () => {
    const taken = join(folder, 'taken.stream');
    await writeFile(taken, 'mine');
    await dialog().getByLabel('File').fill(taken);
    await dialog().getByRole('button', { name: 'Convert', exact: true }).click();
    expect(await textOf(dialog().getByRole('alert'))).toContain('taken.stream');
    expect(await bytesOf(taken, 4)).toBe('mine');
    expect(await lines().count()).toBe(0);
  });

  it('becomes a stream, is named in the library until it is put away, and can be looked into', async () => {
    const target = join(folder, 'out.stream');
    await dialog().getByLabel('File').fill(target);
    await session.page.keyboard.press('Enter');
    await dialog().waitFor({ state: 'detached' });
    await lines().getByText('out.stream is written and on stable storage.').waitFor();
    expect(await bytesOf(target, 4)).toBe('QEVM');
    expect((await readdir(folder)).filter((name) => name.includes('unfinished'))).toEqual([]);
    await lines().getByRole('button', { name: 'Inspect' }).click();
    await session.page.locator('[data-view=inspector]').getByText('out.stream').first().waitFor();
    await session.page.keyboard.press('Alt+2');
    await lines().getByRole('button', { name: 'Dismiss' }).click();
    await lines().waitFor({ state: 'detached' });
  });

  it('becomes the raw bytes of its largest block, in the place that the system’s dialog gave', async () => {
    const target = join(folder, 'out.raw');
    await session.app.evaluate(({ dialog: system }, path) => {
      system.showSaveDialog = () => Promise.resolve({ canceled: false, filePath: path });
    }, target);
    await openDialog();
    await dialog().getByRole('radio', { name: 'Raw' }).click();
    await dialog().getByRole('button', { name: 'Choose…' }).click();
    await dialog().getByRole('button', { name: 'Convert', exact: true }).click();
    await lines().getByText('out.raw is written and on stable storage.').waitFor();
    expect((await stat(target)).size).toBe(64 * 1024 * 1024);
    expect(await lines().getByRole('button', { name: 'Inspect' }).count()).toBe(0);
  });
});

describe('a file', () => {
  it('is chosen by the menu’s command and becomes mapped-ram again', async () => {
    await session.choose(join(folder, 'out.stream'));
    await session.page.keyboard.press('Control+k');
    await session.page.keyboard.type('convert a file');
    await session.page.keyboard.press('Enter');
    await dialog().getByRole('heading', { name: 'Convert out.stream?' }).waitFor();
    await dialog().getByRole('radio', { name: 'Mapped' }).click();
    await dialog().getByLabel('File').fill(join(folder, 'again.mapped'));
    await session.page.keyboard.press('Enter');
    await lines().getByText('again.mapped is written and on stable storage.').waitFor();
  });

  it('that is no saved VM is refused by name, and nothing is left', async () => {
    const nothing = join(folder, 'nothing.bin');
    await writeFile(nothing, 'no stream at all'.repeat(1000));
    await session.choose(nothing);
    await session.page.keyboard.press('Control+k');
    await session.page.keyboard.type('convert a file');
    await session.page.keyboard.press('Enter');
    await dialog().getByLabel('File').fill(join(folder, 'nothing.stream'));
    await session.page.keyboard.press('Enter');
    await dialog().waitFor({ state: 'detached' });
    const alert = lines().getByRole('alert');
    await alert.waitFor();
    expect(await textOf(alert)).toMatch(/nothing\.bin.*Nothing is left of nothing\.stream\./);
    expect((await readdir(folder)).filter((name) => name.startsWith('nothing') || name.startsWith('.nothing'))).toEqual(
      ['nothing.bin'],
    );
  });

  it('nothing of it is an error of the page', () => expect(session.pageErrors()).toEqual([]));
});
