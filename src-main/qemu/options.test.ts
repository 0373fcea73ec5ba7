import { describe, expect, test } from 'vitest';
import { escapeProperty, namesDisplay, outlineOf, readMemorySize, readOptions, readProperties } from './options';
import { qmpMonitors } from './monitors';

const MIB = 1024 * 1024;

describe('A command line', () => {
  test('is read option by option, values that look like options included', () => {
    expect(readOptions(['-S', '-append', '-S quiet', 'disk.img', '--name', 'x', '-m'])).toEqual([
      { name: 'S', value: null, index: 0 },
      { name: 'append', value: '-S quiet', index: 1 },
      { name: 'hda', value: 'disk.img', index: 3 },
      { name: 'name', value: 'x', index: 4 },
      { name: 'm', value: null, index: 6 },
    ]);
  });

  test.each([
    [['-display', 'gtk'], true],
    [['-nographic'], true],
    [['--vnc', ':1'], true],
    [['-append', '-display'], false],
    [['-m', '1G'], false],
    [[], false],
  ])('%j names a display: %s', (argv, names) => {
    expect(namesDisplay(argv)).toBe(names);
  });

  test.each([
    ['2G', 2048 * MIB],
    ['512', 512 * MIB],
    ['size=64M,slots=2,maxmem=1G', 64 * MIB],
    ['1.5g', 1536 * MIB],
    ['65536k', 64 * MIB],
    ['1T', 1024 * 1024 * MIB],
    ['lots', null],
    ['', null],
    ['-5', null],
    ['99999999999E', null],
  ])('-m %s is %j bytes', (value, bytes) => {
    expect(readMemorySize(value)).toBe(bytes);
  });

  test.each([
    [[], { name: null, memoryBytes: 128 * MIB, accelerator: 'tcg' }],
    [
      ['-name', 'guest=web,debug-threads=on', '-enable-kvm'],
      { name: 'web', memoryBytes: 128 * MIB, accelerator: 'kvm' },
    ],
    [['-name', 'a,,b', '-M', 'q35,accel=kvm:tcg'], { name: 'a,b', memoryBytes: 128 * MIB, accelerator: 'kvm:tcg' }],
    [
      ['-accel', 'tcg,thread=multi', '-m', '1G', '-m', '2G'],
      { name: null, memoryBytes: 2048 * MIB, accelerator: 'tcg' },
    ],
  ])('%j is outlined', (argv, outline) => {
    expect(outlineOf(argv)).toEqual(outline);
  });

  test('has commas in a property doubled and read back', () => {
    expect(readProperties(`file=${escapeProperty('/a,b,,c')},if=virtio`, 'file').get('file')).toBe('/a,b,,c');
    expect([...readProperties('socket,server,nowait', 'backend')]).toEqual([
      ['backend', 'socket'],
      ['server', 'on'],
      ['wait', 'off'],
    ]);
  });
});

describe('The QMP monitors of a command line', () => {
  const at = (argv: readonly string[]) => qmpMonitors(argv).map(({ place }) => place);

  test.each([
    [['-qmp', 'unix:/run/a,,b.sock,server=on,wait=off'], [{ kind: 'unix', path: '/run/a,b.sock' }]],
    [['--qmp-pretty', 'unix:a.sock,server,nowait'], [{ kind: 'unix', path: 'a.sock' }]],
    [['-qmp', 'unix:/run/a.sock'], [{ kind: 'other', what: 'unix:/run/a.sock' }]],
    [['-qmp', 'tcp:localhost:4444,server'], [{ kind: 'other', what: 'tcp:localhost:4444' }]],
    [['-qmp', 'stdio'], [{ kind: 'other', what: 'stdio' }]],
    [
      ['-chardev', 'socket,id=c,path=/m.sock,server=on,wait=off', '-mon', 'chardev=c,mode=control'],
      [{ kind: 'unix', path: '/m.sock' }],
    ],
    [['-mon', 'c,mode=control', '-chardev', 'socket,id=c,fd=20,server=on,wait=off'], [{ kind: 'fd', fd: '20' }]],
    [['-chardev', 'socket,id=c,path=/m.sock,server=on', '-mon', 'chardev=c,mode=readline'], []],
    [
      ['-chardev', 'socket,id=c,path=/m.sock', '-mon', 'c,mode=control'],
      [{ kind: 'other', what: 'a socket that QEMU connects to' }],
    ],
    [['-mon', 'chardev=gone,mode=control'], []],
    [['-monitor', 'unix:/h.sock,server=on,wait=off'], []],
    [['-qmp'], []],
  ])('%j', (argv, places) => {
    expect(at(argv)).toEqual(places);
  });
});
