/** How long QMP takes to answer, measured by ask-qmp.mjs. */
import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { resolve } from 'node:path';

export class Prober {
  readonly pid: number;
  #child: ChildProcess;

  private constructor(child: ChildProcess) {
    this.#child = child;
    this.pid = child.pid ?? -1;
  }

  /** Takes the socket for itself until `stop`. */
  static async start(qmpSocket: string): Promise<Prober> {
    const child = fork(resolve('test/bench/matrix/ask-qmp.mjs'), [qmpSocket], { execArgv: [] });
    const exited = once(child, 'exit').then(() => {
      throw new Error('the prober ended');
    });
    await Promise.race([once(child, 'message'), exited]);
    exited.catch(() => undefined);
    return new Prober(child);
  }

  /** The longest since the last call, in milliseconds. */
  async longestMs(): Promise<number> {
    const answer = once(this.#child, 'message');
    this.#child.send('longest');
    return Number((await answer)[0]);
  }

  async stop(): Promise<void> {
    const exited = once(this.#child, 'exit');
    this.#child.kill('SIGKILL');
    await exited;
  }
}
