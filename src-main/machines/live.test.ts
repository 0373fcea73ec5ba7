import { describe, expect, test } from 'vitest';
import { crashFrom, stateOf } from './live';

describe('The end of a VM', () => {
  test.each([
    ['nothing, unseen', '', false, null],
    ['warnings only, unseen', 'qemu-system-x86_64: warning: TCG does not support it\n', false, null],
    ['nothing, seen', '', true, 'Its QEMU ended unexpectedly and said nothing'],
    [
      'an error after a warning',
      'qemu: warning: x\n/usr/bin/qemu-system-x86_64: no space left.\n',
      false,
      'Its QEMU ended: no space left',
    ],
    [
      'an error with a hint',
      'qemu-system-x86_64: -M x: unsupported\nUse -machine help\n',
      true,
      'Its QEMU ended: -M x: unsupported',
    ],
    ['a line of a library', 'free(): invalid pointer\n', true, 'Its QEMU ended: free(): invalid pointer'],
  ])('with %s on stderr', (_name, stderr, watched, what) => {
    expect(crashFrom(stderr, watched)).toEqual(what === null ? null : { what, detail: stderr });
  });
});

test.each([
  ['running', 'running'],
  ['suspended', 'running'],
  ['inmigrate', 'starting'],
  ['postmigrate', 'stopped-after-save'],
  ['prelaunch', 'paused'],
  ['paused', 'paused'],
  ['finish-migrate', 'paused'],
  ['io-error', 'paused'],
  ['guest-panicked', 'paused'],
  ['a state of the future', 'paused'],
] as const)('QEMU’s state %s is shown as %s', (status, state) => {
  expect(stateOf(status)).toBe(state);
});
