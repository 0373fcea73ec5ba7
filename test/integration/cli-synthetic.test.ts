/** `stillframe synthetic`, as a process of its own. */
import { readdir, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import type { SyntheticReport } from '../../src-shared/contracts/synthetic';
import { cliPerTest } from '../support/cli';
import { until } from '../support/until';

const MIB = 1024 * 1024;
const desk = cliPerTest();

/** Files of the test's folder that a save may have made. */
const files = async (): Promise<string[]> => (await readdir(desk().folder)).filter((name) => name.includes('mapped'));

test('prints one JSON document, and writes a file that inspect calls complete', async () => {
  const out = join(desk().folder, 'a.mapped');
  const options = ['--memory', '64', '--working-set', '16', '--rate', '64', '--channels', '3', '--direct-io', '--json'];
  const result = await desk().run('synthetic', '--out', out, ...options);
  expect(result.code, result.stderr).toBe(0);
  expect(result.stderr).toBe('');
  const report = result.json() as SyntheticReport;
  expect(report).toMatchObject({ file: out, channels: 3, directIo: true, converged: true, why: null, deaths: 0 });
  expect(report.passes.length).toBeGreaterThan(1);
  expect(report.passes.map(({ number }) => number)).toEqual(report.passes.map((_, index) => index + 1));
  expect(report.fileBytes).toBe((await stat(out)).size);
  expect(report.fileBytes).toBeLessThan(66 * MIB);
  for (const figure of [report.mbPerSecond, report.pagesPerSecond, report.cpuSecondsPerGiB, report.downtimeMs]) {
    expect(figure).toBeGreaterThan(0);
  }
  expect(report.totalMs).toBeGreaterThanOrEqual(report.copyMs);
  const inspected = await desk().run('inspect', out, '--json');
  expect(inspected.code).toBe(0);
  expect(inspected.json()).toMatchObject({
    complete: true,
    machine: 'synthetic',
    ramBlocks: [{ name: 'synthetic.ram', usedLength: 64 * MIB, pagesPresent: report.presentPages }],
  });
  expect(await files()).toEqual(['a.mapped']);
});

test('says for people what each pass did, and why it did not converge', async () => {
  const options = ['--memory', '64', '--rate', '0', '--downtime', '0', '--max-passes', '3'];
  const { code, stdout } = await desk().run('synthetic', '--out', 'a.mapped', ...options);
  expect(code).toBe(0);
  expect(stdout).toMatch(/^PASS +PAGES +WRITTEN +TIME +CHANGED MEANWHILE\n +1 +\d+ /);
  expect(stdout).toContain('The limit of 3 passes was reached. The rest was copied with the guest frozen.');
  expect(stdout).toMatch(/[MG]B\/s, guest frozen .* CPU seconds per GiB\n/);
  expect(stdout).toContain(`${join(desk().folder, 'a.mapped')}\n`);
});

test('a paused save is one pass', async () => {
  const { code, json } = await desk().run('synthetic', '--out', 'a.mapped', '--memory', '32', '--paused', '--json');
  expect(code).toBe(0);
  expect(json()).toMatchObject({ converged: true, passes: [{ number: 1, dirtied: null }] });
});

test.each([
  [['--out', 'there.mapped'], 'there is something of this name already. Choose another name.'],
  [['--out', 'none/a.mapped'], 'there is no such file. Check the path.'],
  [[], 'Required option '],
  [['--out', 'a.mapped', '--channels', '17'], 'It must be a whole number from 1 to 16.'],
  [['--out', 'a.mapped', '--live', '--paused'], 'cannot be used with'],
])('%j is refused in one sentence', async (options, sentence) => {
  await writeFile(join(desk().folder, 'there.mapped'), 'theirs');
  const { code, stdout, stderr } = await desk().run('synthetic', '--memory', '16', ...options);
  expect([code, stdout]).toEqual([2, '']);
  expect(stderr).toContain(sentence);
  expect(stderr.trimEnd().split('\n')).toHaveLength(1);
  expect(await files()).toEqual(['there.mapped']);
  expect((await stat(join(desk().folder, 'there.mapped'))).size).toBe(6);
});

test('Ctrl-C cancels: nothing is left, and it is said', async () => {
  const running = desk().begin(['synthetic', '--out', 'a.mapped', '--memory', '256', '--limit', '20']);
  await until('the file is begun', async () => (await files()).length === 1);
  running.child.kill('SIGINT');
  const { code, stdout, stderr } = await running.result;
  expect([code, stdout]).toEqual([2, '']);
  expect(stderr).toBe('Cancelling.\nThe save was cancelled. Nothing is left of the file.\n');
  expect(await files()).toEqual([]);
});
