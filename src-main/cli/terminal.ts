/** stdout and stderr of the command, for real and for tests. */

export interface Terminal {
  /** The answer. Resolves when it is out; a reader that went away is no error. */
  out(text: string): Promise<void>;
  /** Progress and errors. */
  err(text: string): void;
  /** Whether stderr is a terminal, which can take a bar that is drawn over. */
  readonly liveErr: boolean;
  readonly columns: number;
}

/**
 * The process's own streams. `stillframe list | head -1` closes the pipe early: that is the reader's choice, so EPIPE is
 * not reported, and what the command was doing is finished. Anything else that fails is.
 */
export function processTerminal(): Terminal {
  for (const stream of [process.stdout, process.stderr]) {
    stream.on('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'EPIPE') return;
      process.exitCode = 2;
      if (stream === process.stdout) process.stderr.write(`stdout: ${error.message}.\n`);
    });
  }
  return {
    out: (text) => new Promise((resolve) => process.stdout.write(text, () => resolve())),
    err: (text) => void process.stderr.write(text),
    liveErr: process.stderr.isTTY,
    columns: process.stderr.columns || 80,
  };
}
