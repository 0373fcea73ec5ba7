import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { TranslateReport } from '../../src-shared/contracts/inspect';
import type { PlaceReport } from '../../src-shared/contracts/inspector-places';
import { makeFile } from '../fixtures/migration-files';
import { cliPerTest } from '../support/cli';

const cli = cliPerTest();

/** A VM before its first instruction: in real mode, with its code segment at the end of 4 GiB. */
const fresh = async (machine = 'q35'): Promise<string> => {
  const recipe = { title: 'fresh', argv: ['-M', machine, '-m', '16'], migrate: { mappedRam: true } };
  return (await makeFile(recipe, cli().folder, 'fresh')).path;
};

describe('stillframe locate with an address as the guest’s programs use it', () => {
  it('takes a register to the file', async () => {
    const path = await fresh();
    const { code, json, stderr } = await cli().run('locate', path, '--register', 'rip', '--json');
    expect([code, stderr]).toEqual([0, '']);
    const found = json() as TranslateReport;
    expect(found).toEqual({
      gva: '0xfffffff0',
      cpu: 0,
      register: 'rip',
      mode: 'x86, no paging',
      steps: [],
      mapped: true,
      why: null,
      pageSize: null,
      guestPhysical: 0xfffffff0,
      block: 'pc.bios',
      page: 63,
      fileOffset: expect.any(Number) as number,
      present: true,
      ramMapFrom: 'machine type',
    });
    const same = await cli().run('locate', path, '--gva', '4294967280', '--cpu', '0', '--json');
    expect(same.json()).toEqual({ ...found, register: null });
    const byOffset = await cli().run('locate', path, '--offset', String(found.fileOffset), '--json');
    expect(byOffset.json()).toMatchObject({ block: 'pc.bios', page: 63 });
    const { stdout } = await cli().run('locate', path, '--register', 'rip');
    expect(stdout).toBe(
      `rip 0xfffffff0 in cpu 0: guest-physical 0xfffffff0, pc.bios, page 63, file offset 0x${found.fileOffset?.toString(16)}, present\n` +
        '  x86, no paging; where the guest has its RAM is worked out from its machine type\n',
    );
  });

  it('says with 1 that an address is not mapped, or is no RAM of the guest', async () => {
    const path = await fresh();
    const beyond = await cli().run('locate', path, '--gva', '0xffffffff81000000', '--json');
    expect(beyond.code).toBe(1);
    expect(beyond.json()).toMatchObject({ mapped: false, guestPhysical: null, fileOffset: null });
    expect((await cli().run('locate', path, '--gva', '0xffffffff81000000')).stdout).toMatch(
      /^0xffffffff81000000 is not mapped in cpu 0: .* 32 bits .*\.$/m,
    );
    const device = await cli().run('locate', path, '--gva', '0xfee00000', '--json');
    expect(device.code).toBe(0);
    expect(device.json()).toMatchObject({ mapped: true, guestPhysical: 0xfee00000, block: null, fileOffset: null });
  });

  it('says the guest-virtual address of any place with --cpu, and the way there', async () => {
    const path = await fresh();
    const located = await cli().run('locate', path, '--gpa', '0xfffffff0', '--cpu', '0', '--json');
    expect([located.code, located.stderr]).toEqual([0, '']);
    const found = located.json() as PlaceReport;
    expect(found).toMatchObject({
      block: 'pc.bios',
      page: 63,
      within: 0xff0,
      present: true,
      ramMapFrom: 'machine type',
      cpu: 0,
      // Without paging an address is itself.
      guestVirtual: { address: '0xfffffff0', others: 0, listed: [] },
      why: null,
      decidedBy: { name: 'pages offset', length: 8 },
    });
    const byOffset = await cli().run('locate', path, '--offset', String(found.fileOffset), '--cpu', '0');
    expect(byOffset.stdout).toMatch(
      /^pc\.bios, page 63: guest-physical 0xf+0, file offset 0x[\da-f]+, present\n {2}guest-virtual 0xf+0 in cpu 0\n {2}where the guest has its RAM is worked out/,
    );
    const unknown = await cli().run('locate', path, '--block', 'pc.ram', '--page', '0', '--cpu', '3');
    expect([unknown.code, unknown.stdout]).toEqual([
      0,
      expect.stringMatching(/page 0: guest-physical 0x0, .*\n {2}It has no cpu 3\.\n/) as string,
    ]);
  });

  it.each([
    [['--gva', '0x10000000000000000'], /at most 64 bits/],
    [['--gva', 'rip'], /at most 64 bits/],
    [['--gva', '0', '--gpa', '0'], /Exactly one/],
    [['--register', 'rip', '--offset', '0'], /Exactly one/],
    [['--register', 'x0'], /cpu 0 has no register x0/],
    [['--register', 'rip', '--cpu', '3'], /it has no cpu 3\. Its CPUs are: 0\./],
  ])('refuses %j', async (args, sentence) => {
    const { code, stdout, stderr } = await cli().run('locate', await fresh(), ...args);
    expect([code, stdout]).toEqual([2, '']);
    expect(stderr).toMatch(sentence);
  });

  it('refuses where the pages have no place, and where it is not known what RAM the guest has', async () => {
    const recipe = { title: 'stream', argv: ['-M', 'q35', '-m', '16'] };
    const stream = (await makeFile(recipe, cli().folder, 'stream')).path;
    expect((await cli().run('locate', stream, '--register', 'rip')).stderr).toMatch(/have no fixed place in this file/);
    const isapc = {
      title: 'isapc',
      argv: ['-M', 'isapc', '-cpu', 'pentium', '-m', '16'],
      migrate: { mappedRam: true },
    };
    const unknown = (await makeFile(isapc, cli().folder, 'isapc')).path;
    expect((await cli().run('locate', unknown, '--register', 'rip')).stderr).toMatch(
      /neither a manifest nor its machine type says/,
    );
    expect((await cli().run('locate', join(cli().folder, 'none'), '--gva', '0')).code).toBe(2);
  });
});
