import { spawn } from 'node:child_process';
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { runJob } from './job.mjs';
import { findLeftovers, lookBefore, removeLeftovers } from './leftovers.mjs';
import { tallyReport } from './stages.mjs';
import { isGood, lastLine } from './tally.mjs';

/** @param {string} status */
const named = (status) => ({ status, fullName: `a ${status} test`, failureMessages: [] });
/** @param {string[]} statuses */
const report = (...statuses) => ({
  testResults: [
    {
      name: '/a.test.ts',
      status: statuses.includes('failed') ? 'failed' : 'passed',
      message: '',
      assertionResults: statuses.map(named),
    },
  ],
});

describe('the count of a stage', () => {
  it.each([
    ['every test passed', report('passed', 'passed'), 0, null, [2, 0, 0]],
    ['one failed', report('passed', 'failed'), 1, null, [1, 1, 0]],
    ['one was skipped', report('passed', 'skipped'), 0, null, [1, 0, 1]],
    ['one is still to be written', report('passed', 'todo'), 0, null, [1, 0, 1]],
    ['a rejection was not handled', report('passed'), 1, null, [1, 1, 0]],
    ['there is no test', { testResults: [] }, 0, null, [0, 1, 0]],
    ['there is no report', null, 1, null, [0, 1, 0]],
    ['it was ended', report('passed'), null, 'took over 5 minutes and was ended', [1, 1, 0]],
  ])('when %s', (_what, given, code, trouble, [passed, failed, skipped]) => {
    expect(tallyReport(given, code, trouble)).toMatchObject({ passed, failed, skipped });
  });

  it('takes a file that does not load for one failure', () => {
    const broken = { name: '/b.test.ts', status: 'failed', message: 'SyntaxError: no\n  at', assertionResults: [] };
    const { failed, details } = tallyReport({ testResults: [broken] }, 1, null);
    expect(failed).toBe(1);
    expect(details).toEqual([expect.stringContaining('SyntaxError: no')]);
  });
});

describe('the last line', () => {
  it.each([
    [{ passed: 12, failed: 0, skipped: 0 }, '12 passed, 0 failed', true],
    [{ passed: 12, failed: 1, skipped: 0 }, '12 passed, 1 failed', false],
    [{ passed: 12, failed: 0, skipped: 2 }, '12 passed, 0 failed, 2 skipped', false],
    [{ passed: 0, failed: 0, skipped: 0 }, '0 passed, 0 failed', false],
  ])('of %o is %j', (totals, line, good) => {
    expect(lastLine(totals)).toBe(line);
    expect(isGood(totals)).toBe(good);
  });
});

describe('what a run leaves behind', () => {
  it('is found by the folder that it names, told, and taken away', async () => {
    const temp = await mkdtemp(join(tmpdir(), 'sf-left-'));
    const stray = spawn('sleep', ['60'], { env: { ...process.env, TMPDIR: temp }, stdio: 'ignore' });
    try {
      await writeFile(join(temp, 'socket'), '');
      const left = await findLeftovers(temp, lookBefore());
      expect(left).toEqual([
        expect.stringMatching(new RegExp(`^process ${stray.pid} still runs: sleep 60$`)),
        `file left: ${join(temp, 'socket')}`,
      ]);
      await removeLeftovers(temp);
      await expect(findLeftovers(temp, lookBefore())).rejects.toThrow('ENOENT');
      await expect(readdir(temp)).rejects.toThrow('ENOENT');
    } finally {
      stray.kill('SIGKILL');
      await rm(temp, { recursive: true, force: true });
    }
  });

  it('is nothing when everything was taken away', async () => {
    const temp = await mkdtemp(join(tmpdir(), 'sf-left-'));
    expect(await findLeftovers(temp, lookBefore())).toEqual([]);
    await removeLeftovers(temp);
  });
});

describe('a job', () => {
  const options = { cwd: tmpdir(), env: process.env, show: false };

  it('gives its exit code and what it wrote', async () => {
    const job = await runJob('sh', ['-c', 'echo out; echo err >&2; exit 4'], { ...options, limitMs: 10_000 });
    expect(job).toMatchObject({ code: 4, timedOut: false });
    expect(job.output.split('\n').sort()).toEqual(['', 'err', 'out']);
  });

  it('is ended at its limit with everything it started, also what holds its output open', async () => {
    const started = performance.now();
    const job = await runJob('sh', ['-c', 'sleep 60 & sleep 60'], { ...options, limitMs: 200 });
    expect(job.timedOut).toBe(true);
    expect(performance.now() - started).toBeLessThan(5_000);
  });
});
