import { spawn } from 'node:child_process';

/** The process groups that run now. */
const running = new Set();

/**
 * Runs a program in a process group of its own, so that all of it can be ended, and without stdin.
 * @param {string} program
 * @param {readonly string[]} args
 * @param {{ cwd: string, env: NodeJS.ProcessEnv, limitMs: number, show: boolean }} options   `show`: pass its output on as it comes
 * @returns {Promise<{ code: number | null, output: string, timedOut: boolean }>}
 */
export function runJob(program, args, { cwd, env, limitMs, show }) {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, { cwd, env, detached: true, stdio: ['ignore', 'pipe', 'pipe'] });
    const { pid } = child;
    if (pid !== undefined) running.add(pid);
    let output = '';
    let timedOut = false;
    const timer = setTimeout(() => {
      timedOut = true;
      if (pid !== undefined) endGroup(pid, 'SIGKILL');
    }, limitMs);
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding('utf8').on('data', (/** @type {string} */ text) => {
        if (show) process.stdout.write(text);
        else output += text;
      });
    }
    const done = () => {
      clearTimeout(timer);
      running.delete(pid);
    };
    child.on('error', (error) => {
      done();
      reject(error);
    });
    // Not `close`: something that a test left behind may hold the pipes open.
    child.on('exit', (code) => {
      done();
      setTimeout(() => resolve({ code, output, timedOut }), 100);
    });
  });
}

/**
 * @param {number} pid
 * @param {NodeJS.Signals} signal
 */
function endGroup(pid, signal) {
  try {
    process.kill(-pid, signal);
  } catch {
    // It has ended.
  }
}

/** Ends everything that runs. @param {NodeJS.Signals} signal */
export function endJobs(signal) {
  for (const pid of running) endGroup(pid, signal);
}
