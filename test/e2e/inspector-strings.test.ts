/** The Strings view by keyboard alone, on a Linux guest that plain QEMU saved, against what the command line lists. */
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { ListedString } from '@shared/contracts/inspector-strings';
import { openInspectorRig, saveLinux, type InspectorRig } from './inspector-rig';

let rig: InspectorRig;
beforeAll(async () => {
  rig = await openInspectorRig(saveLinux);
}, 180_000);
afterAll(() => rig?.end());

const listed = (...args: readonly string[]): Promise<{ readonly strings: readonly ListedString[] }> =>
  rig.cli('strings', rig.path, ...args);
const says = async (): Promise<string> => (await rig.texts('.says'))[0] ?? '';
const rows = (): Promise<readonly string[]> => rig.texts('[role=option]');
const count = (value: number): string => value.toString().replace(/\B(?=(\d{3})+$)/g, ' ');

it('lists what the command line lists, with a text in them, and goes to the bytes of one', async () => {
  const { strings } = await listed('--filter', 'linux version', '--min', '20');
  expect(strings.length).toBeGreaterThan(0);
  await rig.goToView('Strings');
  await rig.press('/');
  await rig.type('Linux Version');
  await rig.press('Shift+Tab');
  await rig.type('20');
  await rig.press('Enter');
  await rig.until('all is listed', async () => (await says()).startsWith(`${strings.length} strings in `));
  const first = strings[0];
  if (first === undefined) throw new Error('nothing is listed');
  expect((await rows())[0]).toContain(`${first.block}+0x${first.blockOffset.toString(16)}`);
  expect((await rows())[0]).toContain(first.text.slice(0, 60));
  expect(await rig.pictures('inspector-strings', '[data-view=inspector]')).toEqual([]);
  await rig.press('Escape');
  await rig.pressUntil('Tab', /^Strings found$/);
  await rig.press('ArrowDown');
  const second = strings[1] ?? first;
  await rig.press('Control+c');
  await rig.until('it is copied', async () => (await rig.texts('.foot'))[0]?.endsWith('characters copied.') === true);
  expect(await rig.app.evaluate(({ clipboard }) => clipboard.readText())).toBe(second.text);
  await rig.press('Enter');
  await rig.until('its bytes are shown', async () => (await rig.cursor()) === second.fileOffset);
  expect(await rig.focused()).toMatch(/Bytes/);
});

it('lists all of them as they come, as many as may be, and stays smooth among them', async () => {
  await rig.goToView('Strings');
  await rig.press('/');
  await rig.press('Control+a', 'Delete', 'Shift+Tab');
  await rig.type('4');
  await rig.press('Enter');
  await rig.until('there are as many as may be', async () =>
    (await says()).startsWith(`${count(100_000)} strings, and`),
  );
  await rig.pressUntil('Tab', /^Strings found$/);
  await rig.press('End');
  const { strings } = await listed('--min', '4');
  const last = strings[99_999];
  await rig.until('the last one is shown', async () =>
    (await rows()).some((row) => row.includes(`+0x${last?.blockOffset.toString(16) ?? ''}`)),
  );
  expect((await rows()).length).toBeLessThan(80);
  expect(await rig.texts('[role=option][aria-selected=true]')).toHaveLength(1);
});

it('lists those of another encoding in one block', async () => {
  const { strings } = await listed('--encoding', 'utf16', '--min', '4', '--block', 'pc.bios');
  await rig.press('/', 'Shift+Tab', 'Shift+Tab', 'ArrowLeft');
  expect(await rig.focused()).toBe('UTF-16');
  await rig.press('Tab', 'Tab', 'Tab');
  await rig.type('pc.bios');
  await rig.press('Shift+Tab', 'Enter');
  await rig.until('all is listed', async () => (await says()).startsWith(`${count(strings.length)} strings in `));
  expect(rig.pageErrors()).toEqual([]);
});
