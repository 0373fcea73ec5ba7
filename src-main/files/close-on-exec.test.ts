import { spawnSync } from 'node:child_process';
import { closeSync, openSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import koffi from 'koffi';
import { expect, it } from 'vitest';
import { tempDirPerTest } from '../../test/support/temp';
import { keepFilesFromChildren } from './close-on-exec';

const temp = tempDirPerTest('sf-c');
const duplicate = koffi.load('libc.so.6').func('int dup(int fd)') as (fd: number) => number;

/** Whether a child finds this descriptor open. */
function childHas(fd: number, given: number[] = []): boolean {
  const script = `[ -e /proc/self/fd/${fd} ]`;
  return spawnSync('/bin/sh', ['-c', script], { stdio: ['ignore', 'ignore', 'ignore', ...given] }).status === 0;
}

it('keeps descriptors from children, and still hands on what is given to them', () => {
  const path = join(temp(), 'f');
  writeFileSync(path, '');
  const file = openSync(path, 'r');
  // Unlike what Node opens, a duplicate is left open for children: so are Chromium's, and what our own parent left to us.
  const leaking = duplicate(file);
  try {
    expect(childHas(leaking)).toBe(true);
    expect(keepFilesFromChildren()).toBe(true);
    expect(childHas(leaking)).toBe(false);
    expect(childHas(3, [leaking])).toBe(true);
  } finally {
    closeSync(leaking);
    closeSync(file);
  }
});
