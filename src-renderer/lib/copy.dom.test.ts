import { fail } from '@shared/contracts/failure';
import { expect, test } from 'vitest';
import { detailsOf } from './copy';

test('details hold every cause with its code, and what QEMU wrote', () => {
  const cause = fail('qemu.did-not-start', 'starting QEMU', 'QEMU ended with code 1', 'Correct the command line.', {
    detail: 'qemu-system-x86_64: -machine nonesuch: unsupported machine type\n',
  });
  const failure = fail('restore.failed', 'restoring', 'The VM did not load', 'Look at the details.', { cause }).failure;
  expect(detailsOf(failure).split('\n')).toEqual([
    'restore.failed while restoring: The VM did not load. Look at the details.',
    'qemu.did-not-start while starting QEMU: QEMU ended with code 1. Correct the command line.',
    'qemu-system-x86_64: -machine nonesuch: unsupported machine type',
  ]);
});
