import { open } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { DevicesReport } from '../../src-shared/contracts/devices';
import type { InspectReport, StructureNode } from '../../src-shared/contracts/inspect';
import { makeFile } from '../fixtures/migration-files';
import { cliPerTest } from '../support/cli';
import { devicesOfFile, treeOfFile } from '../support/devices';

const cli = cliPerTest();
const q35 = ['-M', 'q35', '-m', '16', '-smp', '2'];

const plain = (value: unknown): unknown => JSON.parse(JSON.stringify(value)) as unknown;

describe('stillframe devices', () => {
  it('prints every device with its fields, its registers and where its section is', async () => {
    const { path } = await makeFile(
      { title: 'q35', argv: q35, migrate: { mappedRam: true, channels: 2 } },
      cli().folder,
      'q35',
    );
    const { code, json, stderr } = await cli().run('devices', path, '--json');
    expect([code, stderr]).toEqual([0, '']);
    const report = json() as DevicesReport;
    expect(report).toEqual(plain(await devicesOfFile(path)));
    const { sections } = (await cli().run('inspect', path, '--json')).json() as InspectReport;
    const full = sections.filter(({ type }) => type === 'full');
    expect(
      report.devices.map(({ id, name, instance, version, offset }) => ({ id, name, instance, version, offset })),
    ).toEqual(full.map(({ id, name, instance, version, offset }) => ({ id, name, instance, version, offset })));
    for (const [index, { offset, length, dataOffset, dataLength }] of report.devices.entries()) {
      expect(offset + length).toBe(
        report.devices[index + 1]?.offset ?? sections.find(({ type }) => type === 'eof')?.offset,
      );
      expect(dataOffset + dataLength + 5).toBe(offset + length);
    }
    expect(
      report.devices
        .filter(({ registers }) => registers !== undefined)
        .map(({ name, instance }) => `${name} ${instance}`),
    ).toEqual(['cpu 0', 'cpu 1']);
  });

  it('prints the same for people, with the place of every field', async () => {
    const { path } = await makeFile({ title: 'q35', argv: q35 }, cli().folder, 'q35');
    const { code, stdout } = await cli().run('devices', path);
    const { devices } = await devicesOfFile(path);
    const cpu = devices.find(({ name, instance }) => name === 'cpu' && instance === 1);
    expect(code).toBe(0);
    expect(stdout).toContain(
      `cpu, instance 1, version 12: ${cpu?.length} bytes at 0x${cpu?.offset.toString(16)}\n  registers\n    rax 0x0\n`,
    );
    expect(stdout).toMatch(/^0x[\da-f]+ +env\.eip 65520 \(0xfff0\)$/m);
    expect(stdout).toMatch(/^0x[\da-f]+ +\[3\] … \[15\] 0$/m);
  });

  it('says with 1 that description and bytes do not agree, and names the place', async () => {
    const { path } = await makeFile({ title: 'q35', argv: q35 }, cli().folder, 'q35');
    const { devices } = await devicesOfFile(path);
    const i8259 = devices.find(({ name }) => name === 'i8259');
    const file = await open(path, 'r+');
    const bytes = await file.readFile();
    const at = bytes.indexOf('"name": "i8259", "instance_id": 0');
    const size = bytes.indexOf('"size": 1}', at);
    await file.write('"size": 2}', size);
    await file.close();
    const { code, json } = await cli().run('devices', path, '--json');
    expect(code).toBe(1);
    expect((json() as DevicesReport).problems).toContainEqual({
      code: 'description-disagrees',
      severity: 'error',
      offset: i8259?.dataOffset,
      message: expect.stringMatching(/^i8259: The description tells of \d+ bytes, and \d+ are here\.$/) as unknown,
    });
  });

  it('takes a stream at an offset', async () => {
    const recipe = { title: 'q35', argv: q35, migrate: { mappedRam: true }, offset: 2 ** 20 };
    const { path } = await makeFile(recipe, cli().folder, 'q35');
    const { code, json } = await cli().run('devices', `${path},offset=1M`, '--json');
    expect(code).toBe(0);
    expect((json() as DevicesReport).devices.length).toBeGreaterThan(20);
  });

  it('and a snapshot by its folder and by its name in the library', async () => {
    const { machine } = (await cli().run('start', '--demo', '--memory', '64', '--json')).json() as { machine: string };
    const saved = await cli().run('save', machine, '--name', 'before', '--paused', '--after', 'quit', '--json');
    expect(saved.code, saved.stderr).toBe(0);
    const byName = await cli().run('devices', 'before', '--json');
    expect([byName.code, byName.stderr]).toEqual([0, '']);
    const { snapshot } = saved.json() as { snapshot: string };
    expect((await cli().run('devices', snapshot, '--json')).json()).toEqual(byName.json());
    expect((byName.json() as DevicesReport).devices.length).toBeGreaterThan(10);
  });

  it('refuses what is no stream, with 2 and a sentence', async () => {
    const { code, stdout, stderr } = await cli().run('devices', '/etc/hostname', '--json');
    expect([code, stdout]).toEqual([2, '']);
    expect(stderr).toMatch(/this is no migration stream/);
    const missing = await cli().run('tree', join(cli().folder, 'none'));
    expect([missing.code, missing.stdout]).toEqual([2, '']);
  });
});

describe('stillframe tree', () => {
  it('prints everything parsed, down to the fields of devices', async () => {
    const { path } = await makeFile({ title: 'q35', argv: q35, migrate: { mappedRam: true } }, cli().folder, 'q35');
    const { code, json } = await cli().run('tree', path, '--json');
    expect(code).toBe(0);
    const { file, tree } = json() as { file: string; tree: readonly StructureNode[] };
    expect(file).toBe(path);
    expect(tree).toEqual(plain(await treeOfFile(path)));
    const text = (await cli().run('tree', path)).stdout;
    expect(text).toMatch(/^0x0 +QEMU stream v3 {3}The migration stream begins here\.$/m);
    expect(text).toMatch(/^0x[\da-f]+ +pages offset 0x100000/m);
    expect(text).toMatch(/^0x[\da-f]+ +env\.eflags 2$/m);
  });
});
