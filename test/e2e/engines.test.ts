/** Engines in the real app, with real QEMU: chosen by keyboard alone, saved by channels, what is said of it, loaded by channels. */
import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Machine } from '@shared/contracts/machines';
import { readGuestMemory, writeGuestMemory } from '../support/guest-memory';
import { endProcess } from '../support/processes';
import { axeViolations } from './axe';
import { SMALL, eventually, nameless, openPart, openSession, settle, textOf, type Session } from './session';

/** As resources/demo/demo.asm says, in guest-physical addresses. */
const COUNTER = 0x10_0000;
const NONCE = 0x10_0800;
const MOST_TABS = 40;

let session: Session;
let machine: Machine & { readonly toolsQmp: string };
const nonce = randomBytes(64);
let counter = 0n;

beforeAll(async () => {
  session = await openSession();
  const { toolsQmp, ...demo } = await session.begin(SMALL);
  if (toolsQmp === null) throw new Error('a VM that was started here has a socket for tools');
  machine = { ...demo, toolsQmp };
  await writeGuestMemory(toolsQmp, NONCE, nonce);
});
afterAll(() => session?.end());

const dialog = () => session.page.getByRole('dialog');
const panel = () => session.page.locator('aside').filter({ visible: true });
const progress = () => session.page.locator('[data-panel="Save progress"]');
const side = () => session.page.getByRole('complementary', { name: 'About this save' });
const engine = (name: string) =>
  dialog().getByRole('radiogroup', { name: 'Engine' }).getByRole('radio', { name, exact: true });
const press = (key: string): Promise<void> => session.page.keyboard.press(key);

/** Role and name of what has the focus; a radio button with whether it is chosen. */
const focused = (): Promise<string> =>
  session.page.evaluate<string>(`(() => {
    const element = document.activeElement;
    const label = element.labels?.[0]?.textContent ?? '';
    const name = element.getAttribute('aria-label') ?? (label || element.textContent);
    return (element.getAttribute('role') ?? element.type ?? element.tagName) + ' ' + name.replace(/\\s+/g, ' ').trim();
  })()`);

/** Presses Tab until the focus is there. */
async function tabTo(wanted: RegExp): Promise<void> {
  const seen: string[] = [];
  for (let tabs = 0; tabs < MOST_TABS; tabs += 1) {
    const at = await focused();
    if (wanted.test(at)) return;
    seen.push(at);
    await press('Tab');
  }
  throw new Error(`Tab does not get to ${String(wanted)}, only to: ${seen.join(' | ')}`);
}

describe('the choice of an engine', () => {
  it('is shut at first and says what auto takes, which it does when nothing else is chosen', async () => {
    await session.card(machine.name).focus();
    await press('s');
    await dialog().getByRole('button', { name: 'Engine and flush' }).waitFor();
    expect(await engine('Auto').count()).toBe(0);
    expect(await textOf(dialog())).toMatch(/Engine and flush Auto takes native, 2 channels, /);
  });

  it('can be opened, read and made with keys alone; what cannot save says why', async () => {
    await tabTo(/^button Engine and flush$/);
    await press('Enter');
    await engine('Auto').waitFor();
    expect(await engine('Channels').isDisabled()).toBe(true);
    expect(await textOf(dialog())).toMatch(/Channels Cannot: \S.*\./);
    await press('Shift+Tab');
    await tabTo(/^radio Auto$/);
    await press('ArrowDown');
    expect(await focused()).toBe('radio Native');
    expect(await engine('Native').isChecked()).toBe(true);
  });

  it('follows the guest: with a paused guest channels can copy its memory, and auto says so', async () => {
    for (let back = 0; back < MOST_TABS && !/^radio (Live|Paused)$/.test(await focused()); back += 1)
      await press('Shift+Tab');
    await press('ArrowRight');
    expect(await focused()).toBe('radio Paused');
    expect(await engine('Channels').isEnabled()).toBe(true);
    await tabTo(/^radio Native$/);
    await press('ArrowDown');
    expect(await engine('Channels').isChecked()).toBe(true);
    expect(await textOf(dialog())).toMatch(/Auto Takes channels: /);
    await press('Shift+Tab');
    expect(await nameless(session.page)).toEqual([]);
  });

  it('is there for everybody: axe finds nothing in either theme, and all of it fits a small window', async () => {
    await session.resize({ width: 1024, height: 680 });
    for (const theme of ['light', 'dark']) {
      await session.page.evaluate(`void (document.documentElement.dataset.theme = '${theme}')`);
      await settle();
      expect(await axeViolations(session.page, 'dialog')).toEqual([]);
    }
    const box = await dialog().boundingBox();
    expect(box && box.y >= 0 && box.y + box.height <= 680).toBe(true);
    expect(await dialog().getByRole('button', { name: 'Save', exact: true }).isVisible()).toBe(true);
    await session.resize({ width: 1280, height: 800 });
  });

  it('warns of an early release next to it, and only where QEMU ends', async () => {
    const early = dialog().getByRole('checkbox', { name: /Release QEMU before the flush/ });
    expect(await early.count()).toBe(0);
    await dialog().getByRole('radio', { name: 'End QEMU' }).click();
    await early.waitFor();
    expect(await textOf(dialog())).toContain('both the VM and the snapshot are lost.');
    expect(await early.isChecked()).toBe(false);
  });
});

describe('a save by channels', () => {
  it('is begun with Enter, shows its engine and a lane for each channel, and is durable when it says “Saved”', async () => {
    await dialog().getByLabel('Name').fill('by-channels');
    await press('Enter');
    await session.page.getByRole('heading', { name: `Saved ${machine.name}` }).waitFor({ timeout: 60_000 });
    expect(await textOf(session.page.locator('header').first())).toMatch(
      /as by-channels, paused first, channels, 2, (direct I\/O|buffered)/,
    );
    expect(await textOf(side())).toMatch(/Engine channels, 2, (direct I\/O|buffered) Flush (past|while)/);
    const lanes = progress().getByRole('img', { name: /^channel 1: .*; channel 2: / });
    await lanes.waitFor();
    expect(await textOf(progress())).toMatch(/Saved on stable storage .*Pages copied .*each page once/);
    expect(await textOf(progress())).not.toMatch(/pass 1|Dirtied/);
    await eventually('QEMU has ended', async () => (await session.machine(machine.name)).state === 'off');
  });

  it('is known for it in the library, with its digests', async () => {
    await session.page.getByRole('button', { name: 'Show in library' }).click();
    const row = session.page.getByRole('option', { name: /^by-channels, Good/ });
    await row.waitFor();
    expect(await textOf(row)).toMatch(/paused, channels, 2, digests/);
    expect(await textOf(panel())).toMatch(/Engine channels, 2, (direct I\/O|buffered) Digests XXH3-64 per 1 MiB/);
    const { manifest } = await session.entry('by-channels');
    expect(manifest).toMatchObject({
      engine: 'channels',
      channels: 2,
      mode: 'paused',
      durable: true,
      wasRunning: true,
    });
    expect(manifest?.digests).toMatchObject({ algorithm: 'xxh3-64', unitBytes: 1024 * 1024 });
  });
});

describe('a save that releases QEMU early', () => {
  it('says so while it runs, has ended QEMU, and is durable all the same', async () => {
    const other = await session.begin(SMALL);
    await press('Alt+1');
    await session.card(other.name).getByRole('button', { name: 'Save…' }).click();
    await dialog().getByLabel('Name').fill('released');
    await dialog().getByRole('radio', { name: 'Paused', exact: true }).click();
    await dialog().getByRole('radio', { name: 'End QEMU' }).click();
    await dialog()
      .getByRole('checkbox', { name: /Release QEMU before the flush/ })
      .check();
    await dialog().getByRole('button', { name: 'Save', exact: true }).click();
    await session.page.getByRole('heading', { name: `Saved ${other.name}` }).waitFor({ timeout: 60_000 });
    expect(await textOf(side())).toMatch(/Flush .*, after QEMU is released .*Then end its QEMU before the flush/);
    expect((await session.machine(other.name)).state).toBe('off');
    expect((await session.entry('released')).manifest).toMatchObject({ durable: true, engine: 'channels' });
    await press('Alt+2');
    await session.page.getByRole('option', { name: /^by-channels/ }).click();
  });
});

describe('a restore', () => {
  const choose = async (name: string): Promise<void> => {
    await openPart(panel(), 'Engine');
    await panel().getByRole('radio', { name, exact: true }).click();
    await panel().getByRole('radio', { name: 'Paused', exact: true }).click();
    await panel().getByRole('button', { name: 'Restore', exact: true }).click();
    const alert = panel().getByRole('alert');
    const restored = session.card(machine.name).getByText('Paused', { exact: true });
    await restored.or(alert).first().waitFor({ timeout: 60_000 });
    expect(await alert.allInnerTexts()).toEqual([]);
  };
  const toolsOf = async (): Promise<string> => (await session.machine(machine.name)).toolsQmp ?? '';

  it('says which engine loads and why before it is chosen', async () => {
    await panel().getByText('Check again').waitFor();
    expect(await textOf(panel())).toMatch(/Engine Auto takes native: \S/);
  });

  it.each(['Channels', 'Native', 'Emit'])(
    'by %s brings the very memory back, and the guest counts on',
    async (name) => {
      await choose(name);
      const tools = await toolsOf();
      expect(await readGuestMemory(tools, NONCE, nonce.length)).toEqual(nonce);
      const now = (await readGuestMemory(tools, COUNTER, 8)).readBigUInt64LE(0);
      expect(now).toBeGreaterThan(0n);
      if (counter !== 0n) expect(now).toBe(counter);
      counter = now;
      await session.card(machine.name).getByRole('button', { name: 'Resume' }).click();
      await eventually(
        'the counter grows',
        async () => (await readGuestMemory(tools, COUNTER, 8)).readBigUInt64LE(0) > counter,
      );
      await endProcess((await session.machine(machine.name)).pid ?? 0, 0);
      await eventually('QEMU has ended', async () => (await session.machine(machine.name)).state === 'off');
      await press('Alt+2');
      await session.page.getByRole('option', { name: /^by-channels/ }).click();
      await panel().getByText('Check again').waitFor();
    },
  );

  it('nothing of it is an error of the page', () => expect(session.pageErrors()).toEqual([]));
});
