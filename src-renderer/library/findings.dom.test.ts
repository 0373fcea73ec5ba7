import type { Finding } from '@shared/contracts/library';
import { expect, test } from 'vitest';
import { show, textOf, the } from '../ui/testing.fixture';
import Findings from './Findings.svelte';

const findings: Finding[] = [
  { code: 'file', level: 'ok', text: 'File complete.', acceptText: null, key: 'file' },
  {
    code: 'disk-written',
    level: 'ask',
    text: 'deb13.qcow2 was written after this save (22 Nov, 11:47). Its memory and this disk no longer agree.',
    acceptText: 'Restore anyway, the guest may lose file data',
    key: '/vm/deb13.qcow2',
  },
  { code: 'qemu', level: 'stop', text: 'QEMU is not installed.', acceptText: null, key: 'qemu' },
];

test('each finding says its level in words, and only what can be decided has a tick box', () => {
  const root = show(Findings, { findings, accepted: new Set<string>(), onaccept: () => undefined });
  expect([...root.querySelectorAll('li')].map(textOf)).toEqual([
    'Good: File complete.',
    'To decide: deb13.qcow2 was written after this save (22 Nov, 11:47). Its memory and this disk no longer agree. Restore anyway, the guest may lose file data',
    'Stops the restore: QEMU is not installed.',
  ]);
  expect(root.querySelectorAll('input')).toHaveLength(1);
});

test('ticking hands on the key of the finding and the new state', () => {
  const answers: [string, boolean][] = [];
  const root = show(Findings, {
    findings,
    accepted: new Set<string>(),
    onaccept: (key: string, yes: boolean) => answers.push([key, yes]),
  });
  the(root, 'input').click();
  expect(answers).toEqual([['/vm/deb13.qcow2', true]]);
});
