/** The Machines room in the real app, with real QEMUs: bringing machines in, running them, keys, and what goes wrong. */
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Machine } from '@shared/contracts/machines';
import { withMonitor } from '../support/guest-memory';
import { PlainQemu } from '../support/plain-qemu';
import { hasEnded, isAlive } from '../support/processes';
import { luminances, tooFaint } from './contrast';
import { eventually, nameless, openSession, settle, textOf, type Session } from './session';

let session: Session;
beforeAll(async () => {
  session = await openSession();
});
afterAll(() => session?.end());

const statusOf = ({ toolsQmp }: Machine): Promise<string> => withMonitor(toolsQmp ?? '', (monitor) => monitor.status());
const dialog = () => session.page.getByRole('dialog');

/** Fills in "Add machine" by command line and starts what was added. */
async function addByCommandLine(commandLine: string, name: string): Promise<void> {
  await session.page.getByRole('button', { name: 'Add machine', exact: true }).click();
  await dialog().getByLabel('Command line').last().fill(commandLine);
  await dialog().getByLabel('Name').fill(name);
  await dialog().getByRole('button', { name: 'Add machine' }).click();
}

describe('bringing a machine in', () => {
  it('begins with one sentence and one filled button', async () => {
    await session.page.getByText('No machine is known yet.').waitFor();
    expect(await session.page.getByRole('button', { name: 'Start the demo VM' }).count()).toBe(1);
    expect(await textOf(session.page.locator('header p').first())).toBe('0 known, 0 running');
  });

  it('takes a command line, starts it, and says what QEMU said of itself', async () => {
    await addByCommandLine('qemu-system-x86_64 -machine q35 -accel tcg -m 32 -vga std -display none', 'by-hand');
    const card = session.card('by-hand');
    await card.getByText('Running').waitFor();
    expect(await textOf(card)).toMatch(
      /32 MiB, TCG, pc-q35-\d+\.\d+(, shared memory)? QEMU \d+\.\d+\.\d+\. Not saved yet\./,
    );
    expect(await statusOf(await session.machine('by-hand'))).toBe('running');
  });

  it('takes the short form, with two CPUs', async () => {
    await session.page.getByRole('button', { name: 'Short form…' }).click();
    await dialog().getByLabel('Name').fill('short');
    await dialog().getByLabel('Memory, MiB').fill('48');
    await dialog().getByLabel('CPUs').fill('2');
    await dialog().getByRole('button', { name: 'Add machine' }).click();
    await session.card('short').getByText('48 MiB, TCG').waitFor();
    expect((await session.machine('short')).facts).toMatchObject({ cpus: 2, memoryBytes: 48 * 2 ** 20 });
  });

  it('puts what QEMU refused on the card, and its words on the clipboard', async () => {
    await addByCommandLine('qemu-system-x86_64 -machine nonesuch -display none', 'refused');
    const card = session.card('refused');
    await card
      .getByRole('alert')
      .getByText(/nonesuch/)
      .first()
      .waitFor();
    expect((await session.machine('refused')).state).toBe('off');
    await card.getByRole('button', { name: 'Copy details' }).click();
    await card.getByText('Details copied').waitFor();
    expect(await session.app.evaluate(({ clipboard }) => clipboard.readText())).toMatch(/^qemu\.\S+ while .*nonesuch/s);
  });

  it('forgets a machine that is off, after a question', async () => {
    const card = session.card('refused');
    await card.getByRole('button', { name: 'More of refused' }).click();
    await session.page.getByRole('menuitem', { name: 'Forget…' }).click();
    await dialog().getByRole('button', { name: 'Forget' }).click();
    await card.waitFor({ state: 'detached' });
  });

  it('attaches to a QEMU of somebody else, and lets it run on when it lets go', async () => {
    const socket = join(session.dirs.root, 'theirs.sock');
    const theirs = await PlainQemu.start({
      folder: session.dirs.root,
      argv: ['-name', 'theirs', '-m', '16', '-qmp', `unix:${socket},server=on,wait=off`],
    });
    try {
      const attach = session.page.getByRole('button', { name: `Attach theirs, pid ${theirs.pid}` });
      await attach.click({ timeout: 20_000 });
      const card = session.card('theirs');
      await card.getByText('Running').waitFor();
      expect((await session.machine('theirs')).origin).toBe('attached');
      await attach.waitFor({ state: 'detached' });

      await card.getByRole('button', { name: 'More of theirs' }).click();
      await session.page.getByRole('menuitem', { name: 'Let go…' }).click();
      await dialog().getByRole('button', { name: 'Let go' }).click();
      await card.waitFor({ state: 'detached' });
      expect(await isAlive(theirs.pid)).toBe(true);
    } finally {
      await theirs.stop();
    }
  });

  it('says why it cannot attach, in the dialog', async () => {
    await session.page.getByRole('button', { name: 'Attach…' }).first().click();
    await dialog().getByLabel('QMP socket').fill(join(session.dirs.root, 'nothing.sock'));
    await dialog().getByRole('button', { name: 'Attach', exact: true }).click();
    expect(await textOf(dialog().getByRole('alert'))).toContain('nothing.sock');
    await session.page.keyboard.press('Escape');
    await dialog().waitFor({ state: 'detached' });
  });
});

describe('a running machine', () => {
  it('shows its screen, anew every second or so', async () => {
    const picture = session.card('by-hand').getByRole('img', { name: 'Screen of by-hand' });
    const first = await picture.getAttribute('src');
    await eventually('another picture', async () => (await picture.getAttribute('src')) !== first);
    expect(
      await picture.evaluate((image: unknown) => (image as { naturalWidth: number }).naturalWidth),
    ).toBeGreaterThan(300);
  });

  it('is paused and resumed with the space bar, when its card has the focus', async () => {
    const card = session.card('by-hand');
    await card.focus();
    await session.page.keyboard.press('Space');
    await card.getByText('Paused', { exact: true }).waitFor();
    expect(await statusOf(await session.machine('by-hand'))).toBe('paused');
    await session.page.keyboard.press('Space');
    await card.getByText('Running').waitFor();
    expect(await statusOf(await session.machine('by-hand'))).toBe('running');
  });

  it('shares one tab stop with the others; arrows go from card to card', async () => {
    await session.card('by-hand').focus();
    await session.page.keyboard.press('ArrowRight');
    await settle();
    expect(await session.page.evaluate('document.activeElement.getAttribute("aria-label")')).toBe('short, Running');
    expect(await session.page.locator('[data-machine][tabindex="0"]').count()).toBe(1);
  });

  it('opens its details with Enter, and the Save dialog with S', async () => {
    await session.card('by-hand').focus();
    await session.page.keyboard.press('Enter');
    await dialog().getByRole('heading', { name: 'by-hand' }).waitFor();
    expect(await textOf(dialog())).toContain('qemu-system-x86_64 -machine q35 -accel tcg -m 32');
    await session.page.keyboard.press('Escape');
    await session.page.keyboard.press('s');
    await dialog().getByRole('heading', { name: 'Save by-hand?' }).waitFor();
    await session.page.keyboard.press('Escape');
    await dialog().waitFor({ state: 'detached' });
  });

  it('leaves single letters alone when they are switched off, and keeps that', async () => {
    await session.page.keyboard.press('Control+,');
    await dialog()
      .getByRole('checkbox', { name: /Single letters/ })
      .uncheck();
    await session.page.keyboard.press('Escape');
    await session.card('by-hand').focus();
    await session.page.keyboard.press('s');
    await settle();
    expect(await dialog().count()).toBe(0);
    expect(await session.ask('shell', 'settings')).toMatchObject({ singleKeys: false });
    await session.ask('shell', 'setSettings', { theme: 'system', singleKeys: true });
  });

  it('is found by its name, and nothing else is shown then', async () => {
    await session.page.keyboard.press('/');
    await session.page.keyboard.type('hand');
    await session.card('short').waitFor({ state: 'detached' });
    expect(await session.page.locator('[data-machine]').count()).toBe(1);
    await session.page.keyboard.press('Escape');
    await session.card('short').waitFor();
  });

  it('is not powered off when the question is answered with no', async () => {
    const { pid } = await session.machine('short');
    const powerOff = async (answer: string): Promise<void> => {
      await session.card('short').getByRole('button', { name: 'More of short' }).click();
      await session.page.getByRole('menuitem', { name: 'Power off…' }).click();
      await dialog().getByRole('button', { name: answer }).click();
    };
    await powerOff('Keep running');
    expect(await isAlive(pid ?? 0)).toBe(true);
    await powerOff('Power off');
    expect(await hasEnded(pid ?? 0, 10_000)).toBe(true);
    await session.card('short').getByText('Off', { exact: true }).waitFor();
  });
});

describe('the window', () => {
  it('goes to every room by key and names it', async () => {
    for (const [key, name] of [
      ['Alt+2', 'Library'],
      ['Alt+3', 'Inspector'],
      ['Alt+1', 'Machines'],
    ] as const) {
      await session.page.keyboard.press(key);
      await settle();
      expect(await textOf(session.page.locator('nav [aria-current=page]').first())).toMatch(
        name === 'Inspector' ? /^$/ : name,
      );
    }
  });

  it('runs a command from Ctrl+K', async () => {
    await session.page.keyboard.press('Control+k');
    await session.page.keyboard.type('theme light');
    await session.page.keyboard.press('Enter');
    await eventually(
      'the light theme',
      async () => (await session.page.evaluate('document.documentElement.dataset.theme')) === 'light',
    );
    await session.ask('shell', 'setSettings', { theme: 'dark', singleKeys: true });
    await eventually(
      'the dark theme',
      async () => (await session.page.evaluate('document.documentElement.dataset.theme')) === 'dark',
    );
  });

  it('lists the keys of the view and of the window', async () => {
    await session.page.keyboard.press('?');
    expect(await textOf(dialog())).toMatch(/Machines .*pause, resume.* Everywhere .*next panel/);
    await session.page.keyboard.press('Escape');
  });

  it('steps through its panels with F6', async () => {
    const panel = (): Promise<string> =>
      session.page.evaluate('document.activeElement.closest("[data-panel]")?.dataset.panel ?? ""');
    await session.page.keyboard.press('F6');
    const first = await panel();
    await session.page.keyboard.press('F6');
    expect([first, await panel()].sort()).toEqual(['Machines', 'Rooms']);
  });

  it.each(['dark', 'light'] as const)('has contrast enough in the %s theme', async (theme) => {
    expect(tooFaint(await luminances(session.page, theme))).toEqual([]);
  });

  it('has a name for every control, and logged no error', async () => {
    expect(await nameless(session.page)).toEqual([]);
    expect(session.pageErrors()).toEqual([]);
  });
});
