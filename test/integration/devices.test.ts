import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { DeviceReport } from '../../src-shared/contracts/devices';
import type { StructureNode } from '../../src-shared/contracts/inspect';
import { FILE_RECIPES, makeFile, type FileRecipe } from '../fixtures/migration-files';
import { analyze, analyzeMigration } from '../support/analyze-migration';
import { devicesOfFile, treeOfFile } from '../support/devices';
import { PlainQemu, restoreWithPlainQemu, saveWithPlainQemu, type MigrateOptions } from '../support/plain-qemu';
import { expectRegisters, parseRegisters } from '../support/registers';
import { makeTempDir, removeTempDir } from '../support/temp';

const ram = ['-m', '32'];
const disk = ['-blockdev', 'driver=null-co,node-name=d0,size=67108864'];
const vga = ['-vga', 'std'];

/** Plain streams, which QEMU's script reads. */
const RECIPES: readonly FileRecipe[] = [
  { title: 'q35, live', argv: ['-M', 'q35', ...ram], live: true },
  { title: 'q35 with 3 CPUs that can all that QEMU can', argv: ['-M', 'q35', ...ram, '-smp', '3', '-cpu', 'max'] },
  { title: 'pc with VGA, live', argv: ['-M', 'pc', ...ram, ...vga], live: true },
  { title: 'pc-i440fx-9.2', argv: ['-M', 'pc-i440fx-9.2', ...ram] },
  {
    title: 'q35 with AHCI, VGA and USB',
    argv: [
      ...['-M', 'q35', ...ram, ...vga, ...disk, '-device', 'ide-hd,drive=d0', '-device', 'ich9-ahci'],
      ...['-device', 'qemu-xhci', '-device', 'usb-tablet', '-device', 'usb-kbd', '-device', 'usb-ehci'],
      ...['-device', 'ich9-usb-uhci1', '-device', 'usb-hub,bus=usb-bus.0'],
    ],
    live: true,
  },
  {
    title: 'q35 with virtio',
    argv: [
      ...['-M', 'q35', ...ram, ...disk, '-device', 'virtio-vga', '-device', 'virtio-blk,drive=d0'],
      ...['-netdev', 'user,id=n0', '-device', 'virtio-net,netdev=n0,romfile=', '-device', 'virtio-scsi'],
      ...['-device', 'virtio-rng', '-device', 'virtio-balloon', '-device', 'virtio-serial'],
      ...['-device', 'virtio-keyboard', '-device', 'virtio-iommu'],
    ],
    live: true,
  },
  {
    title: 'q35 with network, sound, SCSI and SD',
    argv: [
      ...['-M', 'q35', ...ram, '-device', 'sdhci-pci'],
      ...['-audiodev', 'none,id=a', '-device', 'intel-hda', '-device', 'hda-duplex,audiodev=a'],
      ...['-netdev', 'user,id=n1', '-device', 'e1000e,netdev=n1,romfile=', '-device', 'megasas'],
      ...['-device', 'i6300esb', '-device', 'vmxnet3,romfile=', '-device', 'tpci200'],
    ],
  },
];

let folder = '';
let script = '';

beforeAll(async () => {
  folder = await makeTempDir('sfd');
  script = await analyzeMigration();
}, 300_000);

afterAll(() => removeTempDir(folder));

/** A value as QEMU's script prints it, in the form of `devices --json`: `0xff (-1)` is -1. */
function asJson(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(asJson);
  if (typeof value === 'object' && value !== null) {
    return Object.fromEntries(Object.entries(value).map(([name, inner]) => [name, asJson(inner)]));
  }
  const [, bits, negative] = (typeof value === 'string' && /^(0x[\da-f]+)(?: \((-\d+)\))?$/.exec(value)) || [];
  if (bits === undefined) return value;
  const integer = BigInt(negative ?? bits);
  return Number.isSafeInteger(Number(integer)) ? Number(integer) : String(integer);
}

const plain = (value: unknown): unknown => JSON.parse(JSON.stringify(value)) as unknown;

describe('the devices of a plain stream are, field by field, what QEMU’s analyze-migration.py says', () => {
  it.each(RECIPES.map((recipe, index) => ({ ...recipe, index })))('$title', async ({ index, ...recipe }) => {
    const { path } = await makeFile(recipe, folder, `${index}.stream`);
    const { devices, problems } = await devicesOfFile(path);
    const theirs = await analyze(script, path);
    expect(problems).toEqual([]);
    // The script lists RAM among the devices; it has no fields in the description.
    const names = Object.keys(theirs).filter((key) => !key.startsWith('ram ('));
    expect(devices.map(({ name, id }) => `${name} (${id})`)).toEqual(names);
    for (const { name, id, fields } of devices) {
      expect(plain(fields), name).toEqual(asJson(theirs[`${name} (${id})`]));
    }
    expect(devices.length).toBeGreaterThan(20);
  });

  it('and in the tree is what the script leaves as bytes: structures of their own version, and lists', async () => {
    const variables = join(folder, 'variables.json');
    const guid = '8be4df61-93ca-11d2-aa0d-00e098032b8c';
    const list = ['A', 'Longer'].map((name) => ({ guid, name, attr: 7, data: '0102' }));
    await writeFile(variables, JSON.stringify({ version: 2, variables: list }));
    const argv = [
      ...['-M', 'q35', ...ram, '-device', `uefi-vars-x64,jsonfile=${variables}`],
      ...['-device', 'ipmi-bmc-sim,id=bmc', '-device', 'isa-ipmi-kcs,bmc=bmc'],
    ];
    const { path } = await makeFile({ title: 'lists', argv }, folder, 'lists');
    const nodes = allOf(await treeOfFile(path));
    const inside = (label: string): readonly StructureNode[] =>
      nodes.find((node) => node.label === label)?.children ?? [];
    expect(inside('kcs[1]').map(({ label }) => label)).toContain('data_out_reg');
    const names = inside('variables').flatMap(({ label, children }) =>
      label.startsWith('uefi-variable[') ? [children.find((child) => child.label === 'name')?.value] : [],
    );
    expect(names).toContain('41 00 00 00');
    expect(names).toContain('4c 00 6f 00 6e 00 67 00 65 00 72 00 00 00');
  });
});

/** Files on which the script fails, since it looks for sections where the pages are. */
const FURTHER = FILE_RECIPES.filter(({ title }) => !/footers off, a legacy|no description/.test(title));

describe('devices of every other kind of file are told, too', () => {
  it('mapped-ram with multifd and libvirt images hold the same state as the plain stream of the same paused VM', async () => {
    // A clock of the guest's own: it stands still with the VM.
    const clock = ['-rtc', 'base=2026-01-01,clock=vm'];
    const devices = [...vga, '-device', 'qemu-xhci', '-device', 'usb-tablet'];
    const argv = ['-M', 'q35', ...ram, '-smp', '2', ...devices, ...clock];
    const file = (name: string): string => join(folder, `same-${name}`);
    await saveWithPlainQemu({ argv, folder, uri: `file:${file('plain')}` });
    const again = async (uri: string, migrate: MigrateOptions): Promise<void> => {
      const vm = await restoreWithPlainQemu({ argv: [...argv, '-S'], folder, uri: `file:${file('plain')}` });
      try {
        await vm.save(uri, migrate);
      } finally {
        await vm.stop();
      }
    };
    await again(`file:${file('mapped')}`, { mappedRam: true });
    await again(`file:${file('multifd')}`, { mappedRam: true, channels: 2 });
    await again(`file:${file('libvirt')},offset=4096`, { mappedRam: true, channels: 2 });
    const bare = (reports: readonly DeviceReport[]) =>
      reports.map(({ name, instance, fields }) => ({ name, instance, fields }));
    const expected = bare((await devicesOfFile(file('plain'))).devices);
    for (const name of ['mapped', 'multifd', 'libvirt']) {
      const found = await devicesOfFile(file(name));
      expect(found.problems).toEqual([]);
      expect(bare(found.devices)).toEqual(expected);
      await expect(analyze(script, file(name))).rejects.toThrow();
    }
    expect(expected.length).toBeGreaterThan(20);
  });

  it.each(FURTHER.map((recipe, index) => ({ ...recipe, index })))('$title', async ({ index, ...recipe }) => {
    const { path, streamOffset } = await makeFile(recipe, folder, `further-${index}`);
    const { devices, problems } = await devicesOfFile(path, streamOffset);
    expect(problems).toEqual([]);
    expect(devices.length).toBeGreaterThan(10);
    for (const { name, fields, dataLength } of devices) {
      expect(Object.keys(fields ?? {}).length > 0 || dataLength === 0, name).toBe(true);
    }
    const leaves = leavesOf(await treeOfFile(path, streamOffset)).sort((a, b) => a.offset - b.offset);
    let end = 0;
    for (const leaf of leaves.filter(({ length }) => length > 0)) {
      expect(`${leaf.id} at ${leaf.offset}`).toBe(`${leaf.id} at ${end}`);
      end = leaf.offset + leaf.length;
    }
  });

  it('without a description the sections are told, and that there are no fields', async () => {
    const recipe = FILE_RECIPES.find(({ title }) => title === 'no description');
    if (recipe === undefined) throw new Error('no such recipe');
    const { path } = await makeFile(recipe, folder, 'undescribed');
    const { devices, problems } = await devicesOfFile(path);
    expect(devices.length).toBeGreaterThan(10);
    expect(devices.every(({ fields, dataLength }) => fields === null && dataLength >= 0)).toBe(true);
    expect(problems).toEqual([expect.objectContaining({ code: 'devices-unknown', severity: 'warning' })]);
  });
});

const leavesOf = (nodes: readonly StructureNode[]): StructureNode[] =>
  nodes.flatMap((node) => (node.children.length === 0 ? [node] : leavesOf(node.children)));

const allOf = (nodes: readonly StructureNode[]): StructureNode[] =>
  nodes.flatMap((node) => [node, ...allOf(node.children)]);

describe('registers', () => {
  it.each([
    ['q35, 3 CPUs in SeaBIOS', ['-M', 'q35', ...ram, '-smp', '3']],
    ['pc, before its first instruction', ['-M', 'pc', ...ram, '-S']],
  ])('of %s are those of `info registers` at the save', async (title, argv) => {
    const file = join(folder, `registers-${title.slice(0, 3)}`);
    const vm = await PlainQemu.start({ argv, folder });
    let said: string;
    try {
      await vm.qmp('stop');
      said = await vm.qmp<string>('human-monitor-command', { 'command-line': 'info registers -a' });
      await vm.save(`file:${file}`, { mappedRam: true, channels: 2 });
    } finally {
      await vm.stop();
    }
    const cpus = (await devicesOfFile(file)).devices.filter(({ registers }) => registers !== undefined);
    const expected = parseRegisters(said);
    expect(cpus.length).toBe(expected.length);
    for (const [index, { registers }] of cpus.entries()) {
      expectRegisters(registers, expected[index] ?? {});
    }
    expect(Object.keys(expected[0] ?? {}).length).toBeGreaterThan(30);
  });
});
