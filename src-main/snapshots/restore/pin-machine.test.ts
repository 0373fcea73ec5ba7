import { describe, expect, it } from 'vitest';
import { pinMachineType } from './pin-machine';

const pinned = (argv: readonly string[], machineType: string | null = 'pc-q35-10.0'): readonly string[] =>
  pinMachineType({ name: 'vm', program: 'qemu-system-x86_64', argv, env: {}, cwd: '/' }, machineType).argv;

describe('pinMachineType', () => {
  it.each([
    ['an alias', ['-machine', 'q35'], ['-machine', 'pc-q35-10.0']],
    ['the short option', ['-M', 'q35,accel=tcg'], ['-M', 'pc-q35-10.0,accel=tcg']],
    ['type= in any place', ['-machine', 'accel=tcg,type=q35'], ['-machine', 'pc-q35-10.0,accel=tcg']],
    ['no machine at all', ['-m', '1G'], ['-machine', 'pc-q35-10.0', '-m', '1G']],
    [
      'properties alone',
      ['-machine', 'memory-backend=ram0'],
      ['-machine', 'pc-q35-10.0', '-machine', 'memory-backend=ram0'],
    ],
    ['the last of two', ['-M', 'pc', '-M', 'q35'], ['-M', 'pc', '-M', 'pc-q35-10.0']],
    ['a doubled comma', ['-M', 'q35,x=a,,b'], ['-M', 'pc-q35-10.0,x=a,,b']],
    ['the value of another option', ['-name', '-machine', '-M', 'q35'], ['-name', '-machine', '-M', 'pc-q35-10.0']],
  ])('replaces %s', (_, argv, expected) => expect(pinned(argv)).toEqual(expected));

  it('leaves the recipe alone when the stream names no machine', () =>
    expect(pinned(['-M', 'q35'], null)).toEqual(['-M', 'q35']));
});
