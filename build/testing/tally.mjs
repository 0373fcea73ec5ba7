/**
 * What one part of the test run came to.
 * @typedef {object} Outcome
 * @property {string} name
 * @property {number} passed
 * @property {number} failed
 * @property {number} skipped
 * @property {number} seconds
 * @property {readonly string[]} details   what failed or was skipped, a line each
 */

/** @param {readonly Outcome[]} outcomes */
export function total(outcomes) {
  const sum = (/** @type {'passed' | 'failed' | 'skipped'} */ key) =>
    outcomes.reduce((before, outcome) => before + outcome[key], 0);
  return { passed: sum('passed'), failed: sum('failed'), skipped: sum('skipped') };
}

/**
 * The last line of a run.
 * @param {{ passed: number, failed: number, skipped: number }} totals
 */
export function lastLine({ passed, failed, skipped }) {
  return `${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ''}`;
}

/**
 * Good means that everything ran and nothing failed: a skipped test is not a passed one.
 * @param {{ passed: number, failed: number, skipped: number }} totals
 */
export const isGood = ({ passed, failed, skipped }) => passed > 0 && failed === 0 && skipped === 0;

/**
 * A table of outcomes. What failed is told in at most `limit` lines each.
 * @param {readonly Outcome[]} outcomes
 * @param {number} [limit]
 */
export function table(outcomes, limit = Infinity) {
  const width = Math.max(...outcomes.map(({ name }) => name.length));
  return outcomes.flatMap((outcome) => {
    const mark = outcome.failed > 0 ? 'FAILED' : outcome.skipped > 0 ? 'SKIPS ' : 'ok    ';
    const row = `${mark} ${outcome.name.padEnd(width)}  ${lastLine(outcome)} (${outcome.seconds.toFixed(1)} s)`;
    const shown = outcome.details.slice(0, limit).map((line) => `         ${line}`);
    return outcome.details.length > limit ? [row, ...shown, '         … the rest is above'] : [row, ...shown];
  });
}
