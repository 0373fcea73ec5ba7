import type { SaveJob, SaveProgress } from '@shared/contracts/saves';
import { expect, test } from 'vitest';
import { createProgressPrinter } from './progress';
import type { Terminal } from './terminal';

function recorder(liveErr: boolean): { readonly terminal: Terminal; readonly text: () => string } {
  let text = '';
  const terminal: Terminal = { out: () => Promise.resolve(), err: (more) => (text += more), liveErr, columns: 80 };
  return { terminal, text: () => text };
}

const writing: SaveProgress = {
  phase: 'writing',
  step: 'writing',
  elapsedMs: 0,
  phaseMs: { preparing: 0, writing: 0, flushing: 0, sealing: 0 },
  pass: 2,
  passes: [],
  bytesWritten: 6_840_000_000,
  bytesRemaining: 1,
  ramBytes: 1,
  pagesWritten: 0,
  pageSize: 4096,
  bytesPerSecond: 412e6,
  pagesPerSecond: 0,
  dirtyBytesPerSecond: null,
  secondsLeft: 3.2,
  phaseFraction: 0.5,
  guest: 'running',
  finishingPaused: null,
  fileBytesOnDisk: 0,
  fileBytesAtMost: 0,
  freeBytes: 0,
  notices: [],
};

const job = (progress: Partial<SaveProgress>): SaveJob =>
  ({ progress: { ...writing, ...progress }, cancelling: false, options: { flush: 'auto' } }) as SaveJob;

test('without a terminal a save is a line per phase, and a notice is said once', () => {
  const { terminal, text } = recorder(false);
  const printer = createProgressPrinter(terminal);
  const notices = ['This file system refuses direct I/O. Saving buffered.'];
  printer.show(job({ phase: 'preparing' }));
  printer.show(job({ notices }));
  printer.show(job({ notices, bytesWritten: 7e9 }));
  printer.show(job({ notices, phase: 'flushing', finishingPaused: 'Three passes made no progress.' }));
  printer.end();
  expect(text()).toBe(
    [
      'Preparing.',
      'Writing.',
      'This file system refuses direct I/O. Saving buffered.',
      'Flushing to stable storage.',
      'Three passes made no progress.',
      '',
    ].join('\n'),
  );
});

test('on a terminal it is a bar with pass, bytes, rate and time left, which is taken away in the end', () => {
  const { terminal, text } = recorder(true);
  const printer = createProgressPrinter(terminal);
  printer.show(job({}));
  printer.end();
  expect(text()).toBe('\r\u001B[K[##########..........] Writing, pass 2. 6.84 GB, 412 MB/s, 4 s left\r\u001B[K');
});

test('the bar is never wider than the terminal', () => {
  const { terminal, text } = recorder(true);
  createProgressPrinter({ ...terminal, columns: 40 }).show(job({}));
  expect(text().replace('\r\u001B[K', '').length).toBeLessThan(40);
});

test('an unknown time left is called unknown', () => {
  const { terminal, text } = recorder(true);
  createProgressPrinter(terminal).show(job({ secondsLeft: null, phaseFraction: null }));
  expect(text()).toContain('[....................] Writing, pass 2. 6.84 GB, 412 MB/s, time left unknown');
});
