import { spawn } from 'node:child_process';
import { accessSync, constants, statSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { stripVTControlCharacters } from 'node:util';

/**
 * @typedef {object} RunResult
 * @property {number | null} code     null when a signal ended it
 * @property {NodeJS.Signals | null} signal
 * @property {string} stdout
 * @property {string} stderr
 * @property {boolean} timedOut
 */

/**
 * Runs a program to its end, without a shell and without stdin, and keeps what it wrote. Never rejects because of an exit
 * code; rejects when the program cannot be started.
 * @param {string} program
 * @param {readonly string[]} args
 * @param {{ cwd?: string, env?: NodeJS.ProcessEnv, timeoutMs?: number, input?: string }} [options]
 * @returns {Promise<RunResult>}
 */
export function run(program, args, { cwd, env, timeoutMs = 60_000, input } = {}) {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, { cwd, env, stdio: ['pipe', 'pipe', 'pipe'] });
    let stdout = '';
    let stderr = '';
    let timedOut = false;
    const timer = setTimeout(() => {
      timedOut = true;
      child.kill('SIGKILL');
    }, timeoutMs);
    child.stdout.setEncoding('utf8').on('data', (/** @type {string} */ text) => (stdout += text));
    child.stderr.setEncoding('utf8').on('data', (/** @type {string} */ text) => (stderr += text));
    child.stdin.on('error', () => undefined);
    child.stdin.end(input ?? '');
    child.on('error', (error) => {
      clearTimeout(timer);
      reject(error);
    });
    child.on('close', (code, signal) => {
      clearTimeout(timer);
      resolve({ code, signal, stdout, stderr, timedOut });
    });
  });
}

/**
 * How a program failed, and the last lines of what it wrote, for a message.
 * @param {RunResult} result
 * @param {number} [lines]
 */
export function lastWords({ code, signal, stdout, stderr, timedOut }, lines = 6) {
  const words = stripVTControlCharacters(stderr.trim() || stdout.trim())
    .split('\n')
    .slice(-lines)
    .join('\n');
  const how = timedOut ? 'took too long' : signal === null ? `ended with ${code}` : `ended by ${signal}`;
  return words ? `${how}:\n${words}` : how;
}

/**
 * Where a program is, or null. The sbin folders are looked at too: an ordinary user's PATH does not have them on Debian.
 * @param {string} program
 * @param {string} [path]
 */
export function which(program, path = process.env.PATH ?? '') {
  for (const folder of [...path.split(delimiter), '/usr/sbin', '/sbin']) {
    if (folder === '') continue;
    const file = join(folder, program);
    try {
      accessSync(file, constants.X_OK);
      if (statSync(file).isFile()) return file;
    } catch {
      // Not in this folder.
    }
  }
  return null;
}

/** How to start npm: the one that runs us, else the one on the PATH. */
export function npmCommand() {
  const script = process.env.npm_execpath;
  return script?.endsWith('.js')
    ? { program: process.execPath, args: [script] }
    : { program: 'npm', args: /** @type {string[]} */ ([]) };
}
