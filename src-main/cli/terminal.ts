/** stdout and stderr of the command, for real and for tests. */
import { fail } from '@shared/contracts/failure';

export interface Terminal {
  /** The answer. Resolves when it is out; a reader that went away is no error, a full disk is (`file.io`). */
  out(text: string): Promise<void>;
  /** Progress and errors. */
  err(text: string): void;
  /** Whether stderr is a terminal, which can take a bar that is drawn over. */
  readonly liveErr: boolean;
  readonly columns: number;
}

/**
 * The process's own streams. `stillframe list | head -1` closes the pipe early: that is the reader's choice, so EPIPE is
 * not reported, and what the command was doing is finished.
 */
export function processTerminal(): Terminal {
  // What fails is told to the callback of `write`; without a listener the event would end the process.
  for (const stream of [process.stdout, process.stderr]) stream.on('error', () => undefined);
  return {
    out: writeOut,
    err: (text) => void process.stderr.write(text),
    liveErr: process.stderr.isTTY,
    columns: process.stderr.columns || 80,
  };
}

function writeOut(text: string): Promise<void> {
  return new Promise((resolve, reject) => {
    process.stdout.write(text, (cause) => {
      if (!cause || (cause as NodeJS.ErrnoException).code === 'EPIPE') {
        resolve();
        return;
      }
      reject(
        fail('file.io', 'writing the answer', 'the answer cannot be written', 'Check where stdout goes.', {
          where: { path: 'stdout' },
          cause,
        }),
      );
    });
  });
}
