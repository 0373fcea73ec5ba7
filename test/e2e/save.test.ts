/** Saving in the real app, with real QEMU: the dialog, progress, background, cancel, failure, and what is said of each. */
import { readdir } from 'node:fs/promises';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { Machine } from '@shared/contracts/machines';
import type { SaveJob } from '@shared/contracts/saves';
import { withMonitor } from '../support/guest-memory';
import { isAlive } from '../support/processes';
import { BUSY, eventually, nameless, openPart, openSession, settle, textOf, type Session } from './session';

let session: Session;
let busy: Machine;
beforeAll(async () => {
  session = await openSession();
  busy = await session.begin(BUSY);
});
afterAll(() => session?.end());

const dialog = () => session.page.getByRole('dialog');
const channels = () => dialog().getByRole('spinbutton', { name: 'Channels' });
const progress = () => session.page.locator('[data-panel="Save progress"]');
const jobs = (): Promise<readonly SaveJob[]> => session.ask('saves', 'jobs');
const statusOf = ({ toolsQmp }: Machine): Promise<string> => withMonitor(toolsQmp ?? '', (monitor) => monitor.status());

/** Opens the Save dialog of a machine from its card and names the snapshot. */
async function openDialog(machine: Machine, name: string): Promise<void> {
  await session.page.keyboard.press('Alt+1');
  await session.card(machine.name).getByRole('button', { name: 'Save…' }).click();
  await dialog().getByLabel('Name').fill(name);
}
const pressSave = (): Promise<void> => dialog().getByRole('button', { name: 'Save', exact: true }).click();

async function newestJob(name: string): Promise<SaveJob> {
  const job = (await jobs()).find((known) => known.name === name);
  if (job === undefined) throw new Error(`no save is called ${name}`);
  return job;
}
describe('the dialog', () => {
  afterEach(async () => {
    await session.page.keyboard.press('Escape');
    await dialog().waitFor({ state: 'detached' });
  });

  it('says what each choice means, how much room it takes, and has the name ready to be typed over', async () => {
    await session.page.keyboard.press('Alt+1');
    await session.card(busy.name).getByRole('button', { name: 'Save…' }).click();
    const name = dialog().getByLabel('Name');
    await name.waitFor();
    expect(await name.inputValue()).toContain(busy.name);
    expect(await session.page.evaluate<string>('String(getSelection())')).toBe(await name.inputValue());
    expect(await textOf(dialog())).toMatch(/The file takes at most 1\.\d\d GiB; \S+ [GT]B are free in the library\./);
    await dialog().getByRole('radio', { name: 'Paused', exact: true }).click();
    expect(await textOf(dialog())).toContain('The guest stops first.');
    expect(await dialog().getByLabel('Time limit, s').count()).toBe(0);
    await dialog().getByRole('radio', { name: 'End QEMU' }).click();
    expect(await textOf(dialog())).toContain('QEMU ends once the snapshot is sealed');
    expect(await nameless(session.page)).toEqual([]);
  });

  it('refuses 17 channels and an empty name before anything is asked of QEMU', async () => {
    await openDialog(busy, 'x');
    await openPart(dialog(), 'Engine and flush');
    await channels().fill('17');
    expect(await dialog().getByRole('button', { name: 'Save', exact: true }).isDisabled()).toBe(true);
    await channels().fill('2');
    await dialog().getByLabel('Name').fill(' ');
    expect(await textOf(dialog())).toContain('A snapshot has a name.');
    expect(await dialog().getByRole('button', { name: 'Save', exact: true }).isDisabled()).toBe(true);
    expect(await jobs()).toEqual([]);
  });
});

/** One channel through the page cache: slow enough to be looked at. */
async function chooseSlow(): Promise<void> {
  await openPart(dialog(), 'Engine and flush');
  await channels().fill('1');
  await dialog()
    .getByRole('checkbox', { name: /Direct I\/O/ })
    .uncheck();
}

describe('a save that runs', () => {
  it('shows its phase, its figures, its curve, and what a cancel does', async () => {
    await openDialog(busy, 'watched');
    await chooseSlow();
    await pressSave();
    await progress()
      .getByText(/^Writing, pass \d+$/)
      .waitFor();
    await eventually('the curve is drawn', async () =>
      session.page.evaluate<boolean>('(document.querySelector("path.written")?.getAttribute("d") ?? "").includes("L")'),
    );
    expect(await textOf(session.page.locator('header').first())).toMatch(
      new RegExp(`^Saving ${busy.name} as watched, live, native, 1 channel, buffered`),
    );
    expect(await textOf(progress())).toMatch(/elapsed \d.*pages\/s.*Throughput.*Passes/);
    const side = session.page.getByRole('complementary', { name: 'About this save' });
    expect(await textOf(side)).toMatch(
      /If you cancel .*The unfinished file is removed\. The library stays as it was\./,
    );
    expect(await textOf(side)).toMatch(/library\/.*\.saving-\w+\//);
    expect(await nameless(session.page)).toEqual([]);
    await session.page.getByRole('button', { name: 'Show in library' }).waitFor({ timeout: 60_000 });
    expect(await textOf(progress())).toMatch(/Saved on stable storage .*in all guest paused/);
  });

  it('goes to the background, is named in the footer of every room, and its card keeps its size', async () => {
    await session.page.keyboard.press('Escape');
    const card = session.card(busy.name);
    const height = (await card.boundingBox())?.height;
    await openDialog(busy, 'behind');
    await chooseSlow();
    await pressSave();
    await progress().waitFor();
    await session.page.keyboard.press('w');
    await card.getByText('Saving', { exact: true }).waitFor();
    await card.getByRole('progressbar').waitFor();
    expect(await textOf(card)).toMatch(/(Preparing|Writing|Flushing|Sealing).*Show Cancel save/);
    expect((await card.boundingBox())?.height).toBe(height);
    await session.page.keyboard.press('Alt+2');
    expect(await textOf(session.page.locator('footer.t-label'))).toContain(`${busy.name}: `);
  });

  it('ends with a toast when nobody is looking, which leads back to it', async () => {
    const toast = session.page.getByText(/^Saved as behind\. /);
    await toast.waitFor({ timeout: 60_000 });
    await session.page.getByRole('button', { name: 'Show', exact: true }).click();
    await session.page.getByRole('heading', { name: `Saved ${busy.name}` }).waitFor();
    expect((await session.entry('behind')).state).toEqual({ kind: 'good', durable: true });
  });
});

describe('cancelling', () => {
  it('asks once with Esc; to keep saving is the safe answer, and the question goes when the save ends', async () => {
    await openDialog(busy, 'kept');
    await chooseSlow();
    await pressSave();
    await progress()
      .getByText(/^Writing, pass \d+$/)
      .waitFor();
    await session.page.keyboard.press('Escape');
    const question = dialog().getByRole('heading', { name: `Cancel the save of ${busy.name}?` });
    await question.waitFor();
    expect(await session.page.evaluate<string>('document.activeElement.textContent.trim()')).toBe('Keep saving');
    await session.page.keyboard.press('Enter');
    await question.waitFor({ state: 'detached' });
    await session.page.keyboard.press('Escape');
    await question.waitFor();
    await question.waitFor({ state: 'detached', timeout: 60_000 });
    expect((await newestJob('kept')).outcome?.kind).toBe('saved');
  });

  it('from the footer leaves the VM running and nothing behind', async () => {
    await openDialog(busy, 'dropped');
    await chooseSlow();
    await pressSave();
    await progress()
      .getByText(/^Writing, pass \d+$/)
      .waitFor();
    await session.page.locator('footer.t-label').getByRole('button', { name: 'Cancel' }).click();
    await dialog().getByRole('button', { name: 'Cancel save' }).click();
    await session.page.getByRole('heading', { name: `Not saved: ${busy.name}` }).waitFor();
    expect(await textOf(progress())).toMatch(/^Cancelled\. /);
    expect((await newestJob('dropped')).outcome?.kind).toBe('cancelled');
    expect(await statusOf(busy)).toBe('running');
    expect((await readdir(session.libraryFolder)).sort()).toEqual(['behind', 'kept', 'watched']);
  });
});

describe('what does not go as wished', () => {
  it('a save that was not flushed is said to be not durable', async () => {
    await openDialog(busy, 'unflushed');
    await openPart(dialog(), 'Engine and flush');
    await dialog().getByRole('radio', { name: 'None' }).click();
    await dialog().getByRole('radio', { name: 'Paused', exact: true }).click();
    await dialog().getByRole('radio', { name: 'Stay paused' }).click();
    await pressSave();
    await session.page.getByRole('heading', { name: `Saved ${busy.name}` }).waitFor({ timeout: 60_000 });
    expect(await textOf(progress())).toMatch(/Saved not durable/);
    await session.page.getByRole('button', { name: 'Show in library' }).click();
    await session.page.getByRole('option', { name: /^unflushed, Not durable/ }).waitFor();
  });

  it('a VM that stands still after a save is not resumed silently: the dialog says why it cannot be saved', async () => {
    await session.page.keyboard.press('Alt+1');
    const card = session.card(busy.name);
    await card.getByText('Stopped after save').waitFor();
    await card.getByRole('button', { name: 'Save…' }).click();
    await dialog().getByText('A save is not possible now.').waitFor();
    expect(await textOf(dialog().getByRole('alert'))).toMatch(/migration|resume/i);
    expect(await dialog().getByRole('button', { name: 'Save', exact: true }).isDisabled()).toBe(true);
    await session.page.keyboard.press('Escape');
    await card.getByRole('button', { name: 'Resume' }).click();
    await card.getByText('Running').waitFor();
  });

  it('a QEMU that is killed while it saves leaves its words, and the library as it was', async () => {
    const before = (await readdir(session.libraryFolder)).sort();
    await openDialog(busy, 'killed');
    await pressSave();
    await progress()
      .getByText(/^Writing, pass \d+$/)
      .waitFor();
    const { pid } = await session.machine(busy.name);
    process.kill(pid ?? 0, 'SIGKILL');
    await session.page.getByRole('heading', { name: `Not saved: ${busy.name}` }).waitFor({ timeout: 30_000 });
    const notice = progress().getByRole('alert');
    expect((await textOf(notice)).length).toBeGreaterThan(30);
    expect(await textOf(progress())).toContain('stopped here');
    expect(await isAlive(pid ?? 0)).toBe(false);
    expect((await readdir(session.libraryFolder)).sort()).toEqual(before);
    await session.page.getByRole('button', { name: 'Back to machines' }).click();
    await session.card(busy.name).getByText('Off', { exact: true }).waitFor();
  });

  it('nothing of it is an error of the page', async () => {
    await settle();
    expect(session.pageErrors()).toEqual([]);
  });
});
