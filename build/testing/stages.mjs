import { readFile } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { ROOT } from '../setup/say.mjs';
import { runJob } from './job.mjs';

/**
 * The vitest projects that run together, in this order. One after another: a VM at full load would spoil another stage's
 * time limits.
 */
export const STAGES = /** @type {const} */ ([
  { name: 'unit', projects: ['node', 'dom'], limitMinutes: 10, workers: 2 },
  { name: 'vm', projects: ['integration', 'fuzz', 'faults'], limitMinutes: 20, workers: 2 },
  { name: 'alone', projects: ['alone'], limitMinutes: 10, workers: 1 },
  { name: 'e2e', projects: ['e2e'], limitMinutes: 15, workers: 1 },
]);

/**
 * The part of vitest's JSON report that is used.
 * @typedef {object} Report
 * @property {readonly { name: string, status: string, message: string, assertionResults: readonly { status: string, fullName: string, failureMessages: readonly string[] | null }[] }[]} testResults
 */

/**
 * Runs one stage; vitest's own output passes through.
 * @param {(typeof STAGES)[number]} stage
 * @param {NodeJS.ProcessEnv} env
 * @param {string} temp
 * @returns {Promise<import('./tally.mjs').Outcome>}
 */
export async function runStage({ name, projects, limitMinutes, workers }, env, temp) {
  const started = performance.now();
  const reportFile = join(temp, `report-${name}.json`);
  const { code, timedOut } = await runJob(
    process.execPath,
    [
      join(ROOT, 'node_modules', 'vitest', 'vitest.mjs'),
      'run',
      ...projects.flatMap((project) => ['--project', project]),
      '--reporter=default',
      '--reporter=json',
      `--outputFile.json=${reportFile}`,
      `--maxWorkers=${workers}`,
    ],
    { cwd: ROOT, env, limitMs: limitMinutes * 60_000, show: true },
  );
  const seconds = (performance.now() - started) / 1000;
  const trouble = timedOut ? `took over ${limitMinutes} minutes and was ended` : null;
  return { name, seconds, ...tallyReport(await readReport(reportFile), code, trouble) };
}

/** @param {string} file @returns {Promise<Report | null>} */
async function readReport(file) {
  try {
    return JSON.parse(await readFile(file, 'utf8'));
  } catch {
    return null;
  }
}

/**
 * Counts a report. A file that could not be loaded is one failure; so is a run that went wrong although every test passed
 * (an unhandled rejection), and one without any test.
 * @param {Report | null} report
 * @param {number | null} code
 * @param {string | null} trouble
 * @returns {Pick<import('./tally.mjs').Outcome, 'passed' | 'failed' | 'skipped' | 'details'>}
 */
export function tallyReport(report, code, trouble) {
  /** @type {string[]} */
  const details = [];
  let [passed, failed, skipped] = [0, 0, 0];
  for (const file of report?.testResults ?? []) {
    const name = relative(ROOT, file.name);
    for (const test of file.assertionResults) {
      if (test.status === 'passed') {
        passed += 1;
      } else if (test.status === 'failed') {
        failed += 1;
        details.push(`failed: ${name}: ${test.fullName}`);
      } else {
        skipped += 1;
        details.push(`${test.status}: ${name}: ${test.fullName}`);
      }
    }
    if (file.status === 'failed' && !file.assertionResults.some(({ status }) => status === 'failed')) {
      failed += 1;
      details.push(`failed: ${name}: ${file.message.split('\n')[0] || 'the file or one of its hooks failed'}`);
    }
  }
  const unexplained =
    trouble ??
    (report === null ? 'there is no report' : null) ??
    (passed + failed + skipped === 0 ? 'there are no tests' : null) ??
    (code !== 0 && failed === 0 ? `vitest ended with ${code} although no test failed: see its output` : null);
  if (unexplained !== null) {
    failed += 1;
    details.push(`failed: ${unexplained}`);
  }
  return { passed, failed, skipped, details };
}
