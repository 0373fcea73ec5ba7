/** Exporting from the Inspector by keyboard alone: memory, a selection, a core file, devices, a report; and what is refused. */
import { execFile } from 'node:child_process';
import { readdir, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { DevicesReport } from '@shared/contracts/devices';
import type { InspectReport } from '@shared/contracts/inspect';
import type { FileReport } from '@shared/contracts/report';
import { readMappedFile } from '../support/mapped-file';
import { openInspectorRig, saveFirmware, type InspectorRig } from './inspector-rig';

let rig: InspectorRig;
let report: InspectReport;
beforeAll(async () => {
  rig = await openInspectorRig(saveFirmware);
  report = await rig.cli<InspectReport>('inspect', rig.path);
}, 120_000);
afterAll(() => rig?.end());

const at = (name: string): string => join(rig.folder, name);
const contains = async (): Promise<string> => (await rig.texts('dialog .contains'))[0] ?? '';

/** Opens the dialog and chooses what is exported. */
async function choose(kind: string): Promise<void> {
  await rig.press('Escape', 'e');
  await rig.until('the dialog is open', async () => (await rig.texts('dialog h2'))[0] === 'Export from memory.mapped?');
  await rig.pressUntil('Tab', /^(Memory|Selection|Core file|Devices|Report)$/);
  await rig.pressUntil('ArrowDown', new RegExp(`^${kind}$`));
}

/** To the field for the file: it stands before the button that opens the system's dialog. */
async function toTarget(): Promise<void> {
  await rig.pressUntil('Tab', /^Choose…$/);
  await rig.press('Shift+Tab');
}

/** Types the path and begins; waits until the file is there. */
async function exportTo(name: string): Promise<void> {
  await toTarget();
  await rig.type(at(name));
  await rig.press('Enter');
  const done = `${name} is written and on stable storage.`;
  await rig.until(done, async () =>
    (await rig.texts('[aria-label=Conversions] li')).some((line) => line.startsWith(done)),
  );
}

it('says what will be in the file, in a dialog that begins on the safe side', async () => {
  await rig.press('e');
  await rig.until('the dialog is open', async () => (await rig.texts('dialog h2')).length === 1);
  expect(await rig.focused()).toBe('Cancel');
  const ram = report.ramBlocks.find(({ name }) => name === 'pc.ram');
  expect(await contains()).toMatch(/^32 MiB long\. [\d.]+ (KiB|MiB) on disk\.$/);
  expect(ram?.pagesPresent).toBeGreaterThan(0);
  expect(await rig.texts('dialog label.blocked')).toEqual(['Selection Cannot: nothing is selected.']);
  expect(await rig.pictures('inspector-export', 'dialog')).toEqual([]);
  await rig.press('Escape');
});

it('writes a part of a block', async () => {
  await choose('Memory');
  await toTarget();
  await rig.press('Shift+Tab');
  await rig.type('0xf0000-0x200000000');
  await rig.until('it is refused', async () => (await rig.texts('dialog .error'))[0] === 'pc.ram ends at 0x2000000.');
  await rig.press('Control+a');
  await rig.type('0xf0000-0x100000');
  expect(await contains()).toBe('64 KiB long. At most that on disk.');
  await exportTo('part.raw');
  const memory = readMappedFile(rig.path).blocks.find(({ name }) => name === 'pc.ram')?.memory;
  expect((await readFile(at('part.raw'))).equals(memory?.subarray(0xf0000, 0x100000) ?? Buffer.alloc(0))).toBe(true);
});

it('writes what is selected among the bytes', async () => {
  await rig.page.locator('#inspector-bytes').focus();
  await rig.press('Control+Home', 'Shift+ArrowDown', 'Shift+ArrowRight');
  await rig.press('e');
  await rig.until('it is told', async () =>
    (await rig.texts('dialog label')).some((text) => text.includes('18 bytes of the file from 0x0, as they are.')),
  );
  await exportTo('selection.bin');
  expect((await readFile(at('selection.bin'))).equals((await readFile(rig.path)).subarray(0, 18))).toBe(true);
});

it('writes a core file that readelf finds nothing wrong with', async () => {
  await choose('Core file');
  expect(await contains()).toMatch(/^32\.\d MiB long\. At most .* on disk\. Addresses are those that its machine type/);
  await exportTo('vm.core');
  const { stdout, stderr } = await promisify(execFile)('readelf', ['-W', '-l', at('vm.core')]);
  expect([stderr, stdout.includes('LOAD')]).toEqual(['', true]);
});

it('writes the devices and reports as the command line does', async () => {
  await choose('Devices');
  await exportTo('devices.json');
  const devices = JSON.parse(await readFile(at('devices.json'), 'utf8')) as DevicesReport;
  expect(devices.devices).toEqual((await rig.cli<DevicesReport>('devices', rig.path)).devices);
  await choose('Report');
  await exportTo('report.md');
  await rig.cli('export', rig.path, '--to', 'report', '--out', 'cli.md');
  expect(await readFile(at('report.md'), 'utf8')).toBe(await readFile(at('cli.md'), 'utf8'));
  await choose('Report');
  await rig.pressUntil('Tab', /^Markdown$/);
  await rig.press('ArrowRight');
  await exportTo('report.json');
  const json = JSON.parse(await readFile(at('report.json'), 'utf8')) as FileReport;
  expect(json.sections).toEqual(report.sections);
  expect(json.ramBlocks.map(({ pagesPresent }) => pagesPresent)).toEqual(
    report.ramBlocks.map(({ pagesPresent }) => pagesPresent),
  );
});

it('never writes over a file, and leaves nothing unfinished', async () => {
  await writeFile(at('mine'), 'mine');
  await choose('Core file');
  await toTarget();
  await rig.type(at('mine'));
  await rig.press('Enter');
  await rig.until('it is refused', async () => (await rig.texts('dialog [role=alert]')).join().includes('mine'));
  await rig.press('Escape');
  expect(await readFile(at('mine'), 'utf8')).toBe('mine');
  expect((await readdir(rig.folder)).filter((name) => name.includes('unfinished'))).toEqual([]);
  expect((await stat(at('vm.core'))).size).toBeGreaterThan(32 * 2 ** 20);
  expect(rig.pageErrors()).toEqual([]);
});

it('writes what begins at the offset that the file was opened with', async () => {
  await rig.end();
  const where = ',offset=80M';
  rig = await openInspectorRig((path, folder) => saveFirmware(`${path}${where}`, folder), where);
  await choose('Devices');
  await exportTo('devices.json');
  const devices = JSON.parse(await readFile(at('devices.json'), 'utf8')) as DevicesReport;
  expect(devices.devices.length).toBeGreaterThan(5);
  expect(devices.devices).toEqual((await rig.cli<DevicesReport>('devices', `${rig.path}${where}`)).devices);
  await choose('Memory');
  await exportTo('all.raw');
  await rig.cli('export', `${rig.path}${where}`, '--to', 'raw', '--out', 'cli.raw');
  expect((await readFile(at('all.raw'))).equals(await readFile(at('cli.raw')))).toBe(true);
});
