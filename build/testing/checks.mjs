import { mkdir, rmdir } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { lastWords, run } from '../setup/run.mjs';
import { ROOT } from '../setup/say.mjs';
import { runJob } from './job.mjs';

const LIMIT_MS = 10 * 60_000;

/** @param {string} file */
const inPackages = (file) => join(ROOT, 'node_modules', file);
const TSC = inPackages('typescript/bin/tsc');

/** The longest first: they run side by side. */
const CHECKS = [
  { name: 'lint', args: [inPackages('eslint/bin/eslint.js'), '.', '--max-warnings', '0'] },
  {
    name: 'Svelte types',
    args: [inPackages('svelte-check/bin/svelte-check'), '--tsconfig', 'tsconfig.web.json', '--fail-on-warnings'],
  },
  { name: 'types: main, worker, tests', args: [TSC, '-p', 'tsconfig.node.json'] },
  { name: 'types: renderer', args: [TSC, '-p', 'tsconfig.web.json'] },
  { name: 'types: shared alone', args: [TSC, '-p', 'tsconfig.shared.json'] },
  { name: 'types: build scripts', args: [TSC, '-p', 'tsconfig.build.json'] },
  { name: 'build', args: ['build/bundle.mjs'] },
  { name: 'format', args: [inPackages('prettier/bin/prettier.cjs'), '--check', '.', '--log-level', 'warn'] },
  { name: 'imports', args: ['build/import-check.mjs'] },
];

/**
 * Runs the checks that need no VM, as many at once as there are processors.
 * @param {NodeJS.ProcessEnv} env
 * @param {(outcome: import('./tally.mjs').Outcome) => void} onOutcome
 */
export async function runChecks(env, onOutcome) {
  const waiting = [...CHECKS];
  const worker = async () => {
    for (let check = waiting.shift(); check !== undefined; check = waiting.shift()) {
      onOutcome(await runCheck(check, env));
    }
  };
  await Promise.all(Array.from({ length: Math.min(availableParallelism(), 4) }, worker));
}

/**
 * @param {{ name: string, args: readonly string[] }} check
 * @param {NodeJS.ProcessEnv} env
 */
async function runCheck({ name, args }, env) {
  const started = performance.now();
  const { code, output, timedOut } = await runJob(process.execPath, args, {
    cwd: ROOT,
    env,
    limitMs: LIMIT_MS,
    show: false,
  });
  const why = timedOut ? [`took over ${LIMIT_MS / 60_000} minutes`] : [];
  return outcomeOf(name, started, code === 0 ? [] : [...output.trimEnd().split('\n'), ...why]);
}

/**
 * The tests fill up file systems that they mount. Without the right to mount they would prove less, so this fails.
 * @param {string} temp
 */
export async function checkMountRights(temp) {
  const started = performance.now();
  const place = join(temp, 'mount-rights');
  await mkdir(place);
  const mounted = await run('mount', ['-t', 'tmpfs', '-o', 'size=1m', 'stillframe', place]);
  if (mounted.code === 0) await run('umount', [place]);
  await rmdir(place);
  const trouble = [
    'The tests mount small file systems to fill them up, and mount is refused here.',
    lastWords(mounted),
  ];
  return outcomeOf(
    'right to mount',
    started,
    mounted.code === 0 ? [] : [...trouble, 'Run them as root, in a container with CAP_SYS_ADMIN.'],
  );
}

/**
 * @param {string} name
 * @param {number} started
 * @param {readonly string[]} trouble
 * @returns {import('./tally.mjs').Outcome}
 */
export function outcomeOf(name, started, trouble) {
  const failed = trouble.length > 0 ? 1 : 0;
  const seconds = (performance.now() - started) / 1000;
  return { name, passed: 1 - failed, failed, skipped: 0, seconds, details: trouble };
}
