import type { Recipe } from '@shared/contracts/machines';
import { describe, expect, test } from 'vitest';
import { pinMachineType } from '../snapshots/restore/pin-machine';
import { freeName, isOfVm, sameVm } from './new-machine';

const recipe = (...argv: string[]): Recipe => ({
  name: 'vm',
  program: 'qemu-system-x86_64',
  argv,
  env: { A: '1', B: '2' },
  cwd: '/',
});

describe('Two recipes', () => {
  test('start the same VM whatever they are called and however their variables are ordered', () => {
    expect(sameVm(recipe('-m', '1G'), { ...recipe('-m', '1G'), name: 'other', env: { B: '2', A: '1' } })).toBe(true);
    expect(sameVm(recipe('-m', '1G'), recipe('-m', '2G'))).toBe(false);
    expect(sameVm(recipe('-m', '1G'), { ...recipe('-m', '1G'), cwd: '/srv' })).toBe(false);
  });
});

describe('A snapshot’s recipe, with the machine version pinned', () => {
  test.each([
    ['an alias', ['-machine', 'q35']],
    ['an alias with properties', ['-M', 'q35,accel=tcg,x=a,,b']],
    ['type= in any place', ['-machine', 'accel=tcg,type=q35']],
    ['no machine at all', ['-m', '1G']],
    ['properties alone', ['-machine', 'memory-backend=ram0', '-S', 'disk.img']],
    ['an older version', ['-machine', 'pc-q35-9.2']],
  ])('is of the VM that names %s', (_name, argv) => {
    const known = recipe(...argv);
    expect(isOfVm(pinMachineType(known, 'pc-q35-10.0'), known, 'pc-q35-9.2')).toBe(true);
  });

  test.each([
    ['another family was last seen', recipe('-M', 'pc'), 'pc-i440fx-10.0'],
    ['nothing was seen of it yet', recipe('-M', 'q35'), null],
    ['another property differs', recipe('-M', 'q35,accel=kvm'), 'pc-q35-10.0'],
    ['another option differs', recipe('-M', 'q35', '-m', '1G'), 'pc-q35-10.0'],
    ['the program differs', { ...recipe('-M', 'q35'), program: 'qemu-kvm' }, 'pc-q35-10.0'],
  ])('is of no VM of which %s', (_name, known, lastType) => {
    expect(isOfVm(recipe('-M', 'pc-q35-10.0'), known, lastType)).toBe(false);
  });
});

test.each([
  ['vm', [], 'vm'],
  ['vm', ['vm'], 'vm 2'],
  ['vm', ['vm', 'vm 2', 'vm 4'], 'vm 3'],
])('the name %s beside %j becomes %s', (name, taken, free) => {
  expect(freeName(name, new Set(taken))).toBe(free);
});
