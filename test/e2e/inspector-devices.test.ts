/** The Devices view by keyboard alone, on a Linux guest that plain QEMU saved. */
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { DeviceReport, DevicesReport } from '@shared/contracts/devices';
import type { TranslateReport } from '@shared/contracts/inspect';
import { openInspectorRig, saveLinux, type InspectorRig } from './inspector-rig';

let rig: InspectorRig;
let devices: readonly DeviceReport[] = [];
beforeAll(async () => {
  rig = await openInspectorRig(saveLinux);
  ({ devices } = await rig.cli<DevicesReport>('devices', rig.path));
}, 180_000);
afterAll(() => rig?.end());

const fields = (): Promise<readonly string[]> => rig.texts('[role=treeitem]');
const registers = (): Promise<readonly string[]> => rig.texts('[aria-label=Registers] tr');
const title = async (): Promise<string> => (await rig.texts('.devices h2'))[0] ?? '';

it('shows every device of the file, with where it is', async () => {
  await rig.goToView('Devices');
  expect((await rig.texts('.devices .head'))[0]).toBe(`${devices.length} devices`);
  const [first] = devices;
  expect(await title()).toBe(`${first?.name}, ${first?.instance}`);
  expect((await rig.texts('.devices .facts'))[0]).toContain(`at 0x${first?.offset.toString(16)}`);
  await rig.press('l', 'End');
  await rig.until(
    'the last one is shown',
    async () => (await title()) === `${devices.at(-1)?.name}, ${devices.at(-1)?.instance}`,
  );
  await rig.press('Home');
});

it('shows a CPU’s registers, with their flags, as the command line has them', async () => {
  const at = devices.findIndex(({ name, instance }) => name === 'cpu' && instance === 1);
  await rig.press('l', 'Home');
  for (let index = 0; index < at; index += 1) await rig.press('ArrowDown');
  await rig.until('it is shown', async () => (await title()) === 'cpu, 1');
  await rig.until('registers are there', async () => (await registers()).length > 40);
  const rip = devices[at]?.registers?.['rip'];
  const flags = devices[at]?.registers?.['rflags'];
  if (rip === undefined || typeof rip === 'object' || typeof flags !== 'number') throw new Error('cpu 1 has none');
  const shown = await registers();
  expect(shown).toContain(`rip 0x${BigInt(rip).toString(16)}`);
  expect(shown.find((row) => row.startsWith('rflags'))).toMatch(
    new RegExp(`^rflags 0x${flags.toString(16)} .*IOPL 0$`),
  );
  expect(shown.find((row) => row.startsWith('cs 0x'))).toMatch(/^cs 0x\w+ 0x0 0x\w+ 0x\w+ code 64-bit DPL [03]$/);
  expect(await rig.pictures('inspector-devices', '[data-view=inspector]')).toEqual([]);
});

it('goes from a register to where it points, and from its name to the field that holds it', async () => {
  const walk = await rig.cli<TranslateReport>('locate', rig.path, '--register', 'rip', '--cpu', '1');
  await rig.pressUntil('Tab', /^rax$/);
  await rig.pressUntil('ArrowDown', /^rip$/);
  await rig.press('ArrowRight', 'Enter');
  await rig.until('the cursor is there', async () => (await rig.cursor()) === walk.fileOffset);
  await rig.goToView('Devices');
  await rig.pressUntil('Tab', /^rax$/);
  await rig.pressUntil('ArrowDown', /^rip$/);
  await rig.press('Enter');
  const cpu = devices.find(({ name, instance }) => name === 'cpu' && instance === 1);
  await rig.until('its field is shown', async () => {
    const at = await rig.cursor();
    return at > (cpu?.dataOffset ?? 0) && at < (cpu?.dataOffset ?? 0) + (cpu?.dataLength ?? 0);
  });
  await rig.until('it is told', async () => (await rig.texts('[aria-label="Field at cursor"] dd')).includes('env.eip'));
});

it('opens fields down to the last, and shows the bytes of one', async () => {
  await rig.goToView('Devices');
  await rig.press('l');
  const at = devices.findIndex(({ name }) => name === 'cpu_common');
  await rig.press('Home');
  for (let index = 0; index < at; index += 1) await rig.press('ArrowDown');
  await rig.until('its fields are there', async () => (await fields()).some((row) => row.startsWith('halted')));
  await rig.pressUntil('Tab', /^halted/);
  await rig.press('Enter');
  await rig.until('the cursor is on it', async () => (await rig.cursor()) === devices[at]?.dataOffset);
});

it('finds fields of all devices by a text', async () => {
  await rig.goToView('Devices');
  await rig.press('/');
  await rig.type('rtc_state');
  await rig.until('nothing is found', async () =>
    (await rig.texts('.none')).some((text) => text.startsWith('No field')),
  );
  await rig.press('Control+a');
  await rig.type('cmos_data');
  await rig.until('one is found', async () => (await fields()).some((row) => row.startsWith('cmos_data')));
  await rig.pressUntil('Tab', /^mc146818rtc/);
  await rig.pressUntil('ArrowDown', /^cmos_data/);
  await rig.press('Enter');
  const rtc = devices.find(({ name }) => name === 'mc146818rtc');
  await rig.until('its bytes are shown', async () => {
    const cursor = await rig.cursor();
    return cursor >= (rtc?.dataOffset ?? 0) && cursor < (rtc?.dataOffset ?? 0) + (rtc?.dataLength ?? 0);
  });
  expect(rig.pageErrors()).toEqual([]);
});
