import { describe, expect, test } from 'vitest';
import { planMemory, sharesMemoryItself } from './shared-memory';

const MIB = 1024 * 1024;
const abilities = {
  version: '10.0.2',
  defaultMachine: 'pc-i440fx-10.0',
  machineTypes: new Map(
    Object.entries({
      'pc-i440fx-10.0': 'pc.ram',
      q35: 'pc.ram',
      'pc-q35-3.1': 'pc.ram',
      microvm: 'microvm.ram',
      virt: 'mach-virt.ram',
      none: null,
    }).map(([name, ramId]) => [name, { ramId }]),
  ),
};
const plan = (line: string) => planMemory(line.split(' '), abilities);

describe('The memory of a VM is shared', () => {
  test.each([
    ['-m 64', 'pc.ram', 64 * MIB],
    ['-M q35 -m 2G', 'pc.ram', 2048 * MIB],
    ['-machine type=pc-q35-3.1,usb=off -m 1.5G', 'pc.ram', 1536 * MIB],
    ['-machine usb=off -M virt -m size=512M', 'mach-virt.ram', 512 * MIB],
    ['-M q35 -machine microvm -m 16', 'microvm.ram', 16 * MIB],
    ['-m 64 -m slots=2,maxmem=8G', 'pc.ram', 64 * MIB],
    ['-m 64 -m 128,slots=2,maxmem=8G', 'pc.ram', 128 * MIB],
    ['-m 65537k', 'pc.ram', 65_544 * 1024],
    ['-m 64 -machine mem-merge=off -mem-prealloc -overcommit mem-lock=off', 'pc.ram', 64 * MIB],
    ['-m 64 -object memory-backend-ram,id=dimm0,size=64M -device pc-dimm,memdev=dimm0', 'pc.ram', 64 * MIB],
    ['-m 64 -smp 2 -numa node,nodeid=0,cpus=0-1', 'pc.ram', 64 * MIB],
    ['-m 64 -name numa,memdev=x', 'pc.ram', 64 * MIB],
  ])('%s', (line, block, bytes) => {
    expect(plan(line)).toEqual({ shared: true, block, bytes });
  });
});

describe('The memory of a VM stays its own', () => {
  test.each([
    ['-M q35', /how much memory/],
    ['-m much', /how much memory/],
    ['-m slots=2,maxmem=8G', /how much memory/],
    ['-M none -m 64', /QEMU 10\.0\.2 does not tell what the machine none calls its memory/],
    ['-M unheard-of -m 64', /the machine unheard-of/],
    ['-m 64 -machine q35,memory-backend=ram0 -object memory-backend-ram,id=ram0,size=64M', /\(memory-backend\)/],
    ['-M q35,memory.size=64M -m 64', /\(memory\.size\)/],
    ['-m 64 -machine memory-encryption=sev0', /\(memory-encryption\)/],
    ['-m 64 -machine confidential-guest-support=sev0', /confidential/],
    ['-m 64 -machine mem-merge=on', /mem-merge=on/],
    ['-m 64 -mem-path /dev/hugepages', /-mem-path/],
    ['-m 64 -readconfig vm.cfg', /-readconfig/],
    ['-m 64 -accel xen', /Xen/],
    ['-m 64 -M q35,accel=xen:tcg', /Xen/],
    ['-m 64 -numa node,memdev=n0,cpus=0', /NUMA/],
    ['-m 64 -numa {"type":"node","memdev":"n0"}', /NUMA/],
    ['-m 64 -object memory-backend-ram,id=pc.ram,size=64M', /An object is called pc\.ram/],
    ['-m 64 -object {"qom-type":"memory-backend-ram","id":"pc.ram","size":67108864}', /An object is called pc\.ram/],
  ])('%s', (line, why) => {
    const found = plan(line);
    expect(found).toMatchObject({ shared: false, why: expect.stringMatching(why) as string });
    expect(found.shared ? '' : found.why).not.toMatch(/\.$/);
  });

  test('when QEMU has no machine type of its own and none is named', () => {
    expect(planMemory(['-m', '64'], { ...abilities, defaultMachine: null })).toEqual({
      shared: false,
      why: 'QEMU 10.0.2 does not tell what the machine calls its memory',
    });
  });
});

describe('memory that the command line itself shares', () => {
  test.each<[string, boolean]>([
    ['-m 1G', false],
    ['-object memory-backend-file,id=a,size=1G,mem-path=/dev/shm/a,share=on', true],
    ['-object memory-backend-memfd,id=a,size=1G,share=yes', true],
    ['-object {"qom-type":"memory-backend-file","id":"a","size":1,"mem-path":"/x","share":true}', true],
    ['-object {"qom-type":"memory-backend-file","id":"a","size":1,"mem-path":"/x"}', false],
    ['-object memory-backend-file,id=a,size=1G,mem-path=/dev/shm/a', false],
    ['-object memory-backend-ram,id=a,size=1G,share=on', false],
    ['-object memory-backend-file,id=a,mem-path=/a,share=on -object memory-backend-ram,id=b,size=1G', false],
    ['-object rng-random,id=a', false],
  ])('%s: %s', (words, shared) => expect(sharesMemoryItself(words.split(' '))).toBe(shared));
});
