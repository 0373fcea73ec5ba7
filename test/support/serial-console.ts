/** The serial console of a VM over its unix socket, and the Linux guest that answers there. Imports nothing from src-*. */
import { randomBytes } from 'node:crypto';
import { connect, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';

const LIMIT_MS = 30_000;

export interface MemoryCheck {
  /** SHA-256 of the guest's pseudo-random memory, by the guest. */
  readonly sha256: string;
  /** How many MiB of other memory it has written so far. */
  readonly round: number;
  /** How many of those it found changed. */
  readonly bad: number;
}

/** Reads from the moment it is open: QEMU throws away what a guest says while nobody listens. */
export class SerialConsole {
  #socket: Socket;
  #said = '';

  private constructor(socket: Socket) {
    this.#socket = socket;
    socket.setEncoding('latin1');
    socket.on('data', (text: string) => (this.#said += text));
    socket.on('error', () => undefined);
  }

  static open(path: string): Promise<SerialConsole> {
    return new Promise((resolve, reject) => {
      const socket = connect(path, () => resolve(new SerialConsole(socket)));
      socket.once('error', reject);
    });
  }

  /** Waits for a line that matches; rejects when the guest's kernel has panicked, with what it said. */
  async line(wanted: RegExp, limitMs = LIMIT_MS): Promise<RegExpExecArray> {
    for (const deadline = performance.now() + limitMs; ;) {
      for (const line of this.#said.split(/\r?\n/).slice(0, -1)) {
        const match = wanted.exec(line);
        if (match !== null) return match;
      }
      const panicked = this.#said.includes('Kernel panic');
      if (panicked || this.#socket.destroyed || performance.now() > deadline) {
        const why = panicked ? 'the guest panicked' : this.#socket.destroyed ? 'closed' : `not within ${limitMs} ms`;
        throw new Error(`serial console: ${why}, no ${String(wanted)} in:\n${this.#said.slice(-2000)}`);
      }
      await sleep(10);
    }
  }

  /** Waits until a Linux guest that has just been started is up: about 2 s with TCG. */
  async ready(): Promise<void> {
    await this.line(/^READY$/);
  }

  /** Has a Linux guest look over its memory, all of it after this call. */
  async check(): Promise<MemoryCheck> {
    const token = randomBytes(6).toString('hex');
    this.#socket.write(`check ${token}\n`);
    const [, sha256 = '', round, bad] = await this.line(new RegExp(`^SUM ${token} ([0-9a-f]{64}) (\\d+) (\\d+)$`));
    return { sha256, round: Number(round), bad: Number(bad) };
  }

  close(): void {
    this.#socket.destroy();
  }
}
