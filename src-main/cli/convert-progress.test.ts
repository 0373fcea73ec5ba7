import { describe, expect, test } from 'vitest';
import type { ConvertProgress } from '../services';
import { createConvertPrinter, sentenceOf } from './convert-progress';
import type { Terminal } from './terminal';

function recorder(liveErr: boolean): { readonly terminal: Terminal; readonly text: () => string } {
  let text = '';
  const terminal: Terminal = { out: () => Promise.resolve(), err: (more) => (text += more), liveErr, columns: 80 };
  return { terminal, text: () => text };
}

const half: ConvertProgress = {
  phase: 'converting',
  bytesRead: 2_000_000_000,
  bytesWritten: 500_000_000,
  fraction: 0.5,
  elapsedMs: 4000,
};

describe('the sentence of a conversion', () => {
  test.each<[string, Partial<ConvertProgress>, number, string]>([
    ['in the middle', {}, 4000, 'Converting. 2 GB read, 500 MB written, 50 %, 500 MB/s, 4 s left'],
    ['out of a pipe', { fraction: null }, 4000, 'Converting. 2 GB read, 500 MB written, 500 MB/s'],
    ['at its beginning', { fraction: 0.01 }, 20, 'Converting. 2 GB read, 500 MB written, 1 %'],
    ['before it read anything', { bytesRead: 0, bytesWritten: 0, fraction: 0 }, 0, 'Converting. 0 B written, 0 %'],
    [
      'while it is flushed',
      { phase: 'flushing', bytesRead: 0, fraction: 0.25 },
      1000,
      'Flushing to stable storage. 500 MB of it, 25 %, 500 MB/s, 3 s left',
    ],
  ])('%s', (_, change, forMs, expected) => {
    expect(sentenceOf({ ...half, ...change }, forMs)).toBe(expected);
  });
});

test('without a terminal a conversion is a line per phase', () => {
  const { terminal, text } = recorder(false);
  const printer = createConvertPrinter(terminal);
  printer.show(half);
  printer.show({ ...half, fraction: 0.6 });
  printer.show({ ...half, phase: 'flushing' });
  printer.end();
  expect(text()).toBe('Converting.\nFlushing to stable storage.\n');
});

test('on a terminal a bar is drawn over, not more than every 100 ms, and taken away', () => {
  const { terminal, text } = recorder(true);
  const printer = createConvertPrinter(terminal);
  for (let at = 0; at < 1000; at += 10) printer.show({ ...half, elapsedMs: at });
  printer.end();
  const drawn = text().split('\r\u001B[K');
  expect(drawn[0]).toBe('');
  expect(drawn.at(-1)).toBe('');
  expect(drawn.length - 2).toBe(10);
  expect(drawn[1]).toMatch(/^\[##########\.{10}\] Converting\. /);
  expect(drawn.every((line) => line.length < 80)).toBe(true);
});
