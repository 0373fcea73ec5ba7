import type { Finding, Preflight, SnapshotId } from '@shared/contracts/library';
import { describe, expect, test } from 'vitest';
import { exampleLoad } from './entry.fixture';
import { gateOf, splitFinding, withLocalTimes } from './gate';

const finding = (over: Partial<Finding>): Finding => ({
  code: 'file',
  level: 'ok',
  text: 'File complete.',
  acceptText: null,
  key: 'file',
  ...over,
});
const preflight = (...findings: Finding[]): Preflight => ({
  snapshot: 's' as SnapshotId,
  checkedAt: '2026-11-23T14:00:00Z',
  findings,
});
const written = finding({ code: 'disk-written', level: 'ask', key: '/a.qcow2' });

describe('a restore', () => {
  test('waits for preflight', () => expect(gateOf(null, new Set()).open).toBe(false));

  test('may begin when nothing needs a decision', () =>
    expect(gateOf(preflight(finding({}), finding({ level: 'note', key: 'n' })), new Set())).toEqual({ open: true }));

  test('waits for a decision, and opens when it is made', () => {
    expect(gateOf(preflight(written), new Set())).toEqual({ open: false, reason: 'Decide on the disk finding first.' });
    expect(gateOf(preflight(written), new Set(['/a.qcow2']))).toEqual({ open: true });
  });

  test('wants each finding accepted, not some other', () => {
    const two = preflight(written, finding({ ...written, key: '/b.qcow2' }));
    expect(gateOf(two, new Set())).toEqual({ open: false, reason: 'Decide on 2 findings first.' });
    expect(gateOf(two, new Set(['/c.qcow2']))).toMatchObject({ open: false });
    expect(gateOf(two, new Set(['/a.qcow2', '/b.qcow2']))).toEqual({ open: true });
  });

  test('is stopped when no engine can load it, and not by one that cannot', () => {
    const load = exampleLoad();
    expect(gateOf({ ...preflight(), load }, new Set())).toEqual({ open: true });
    expect(gateOf({ ...preflight(), load: { ...load, auto: null } }, new Set())).toMatchObject({ open: false });
  });

  test('is stopped by what cannot be accepted, whatever else is', () =>
    expect(gateOf(preflight(written, finding({ level: 'stop' })), new Set(['/a.qcow2', 'file']))).toEqual({
      open: false,
      reason: 'It cannot be restored here.',
    }));
});

test.each([
  [
    'deb13.qcow2 was written after this save (22 Nov, 11:47). Its memory …',
    'deb13.qcow2 was written after this save',
    ' (22 Nov, 11:47). Its memory …',
  ],
  ['QEMU 10.0.2 is installed. More.', 'QEMU 10.0.2 is installed', '. More.'],
  ['One sentence.', 'One sentence', '.'],
  ['a.img was written after this save: on Monday.', 'a.img was written after this save', ': on Monday.'],
  ['no end', 'no end', ''],
])('the first clause of “%s”', (text, head, rest) => expect(splitFinding(text)).toEqual([head, rest]));

test('times in a sentence are those of this place', () => {
  const at = new Date(2026, 10, 22, 11, 47, 3);
  expect(withLocalTimes(`It was written on ${at.toISOString()}.`, at)).toBe('It was written on 22\u00a0Nov 11:47.');
  expect(withLocalTimes('QEMU 10.0.2 is installed.', at)).toBe('QEMU 10.0.2 is installed.');
});
