import { expect, test } from 'vitest';
import { measureMainThread, printRuns, qmpP99 } from './run-main-thread';

const MEMORY_MIB = 2048;

test(
  'while 2 GiB are saved, main has no long task, makes no synchronous file call, and QMP answers',
  { timeout: 300_000 },
  async () => {
    const runs = await measureMainThread(MEMORY_MIB);
    printRuns(runs);
    expect(runs.map(({ mode, directIo }) => [mode, directIo])).toEqual([
      ['live', true],
      ['paused', true],
      ['paused', false],
    ]);
    for (const run of runs) {
      expect(run.writtenBytes).toBeGreaterThan((MEMORY_MIB - 16) * 1024 * 1024);
      expect(run.qmpAnswersMs.length).toBeGreaterThan(20);
      expect(run.longestTaskCpuMs).toBeLessThan(50);
      expect(run.syncFileCalls).toEqual({});
    }
    expect(qmpP99(runs)).toBeLessThan(100);
  },
);
