import { realpathSync } from 'node:fs';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The checkout. Real path, so that two ways to the same folder are one. */
export const ROOT = realpathSync(dirname(dirname(dirname(fileURLToPath(import.meta.url)))));

/**
 * One line of what is being done. To stderr: the `stillframe` command runs set-up too and keeps stdout for its answer.
 * @param {string} text
 */
export function say(text) {
  process.stderr.write(`set-up: ${text}\n`);
}

/** Set-up cannot go on by itself. `commands` are what the person is to run, ready to paste. */
export class SetupError extends Error {
  /**
   * @param {string} message
   * @param {readonly string[]} [commands]
   */
  constructor(message, commands = []) {
    super(message);
    this.name = 'SetupError';
    this.commands = commands;
  }

  /** @returns {string} */
  toText() {
    if (this.commands.length === 0) return this.message;
    return [`${this.message} Run:`, '', ...this.commands.map((command) => `    ${command}`), ''].join('\n');
  }
}

/**
 * A word for the shell, quoted only where it needs to be.
 * @param {string} word
 */
function quoted(word) {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`;
}

/** @param {readonly string[]} argv */
export const shellLine = (argv) => argv.map(quoted).join(' ');
