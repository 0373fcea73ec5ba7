/**
 * Reading and writing the RAM of a VM that somebody else started, through any free QMP socket of it (`toolsQmp`).
 *
 * QMP reads guest memory (`pmemsave`) but has no command that writes it. QEMU's debugger stub does, and the human monitor
 * starts one at any time: `gdbserver unix:PATH`, then the packets `Qqemu.PhyMemMode:1` and `M address,length:bytes` of the
 * GDB remote protocol. While a debugger is connected the VM is stopped; it runs again (if it ran) when this returns.
 *
 * Own code from start to end: it imports nothing from src-*.
 */
import { randomBytes } from 'node:crypto';
import { readFile, rm } from 'node:fs/promises';
import { connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const LIMIT_MS = 20_000;
/** The stub takes packets of 4 KiB, and a byte of memory is two of packet. */
const BYTES_PER_PACKET = 1024;

/** A line-by-line QMP client for one socket. `close()` belongs in a `finally`. */
export class Monitor {
  #socket: Socket;
  #lines: string[] = [];
  #wake: (() => void) | null = null;

  private constructor(socket: Socket) {
    this.#socket = socket;
    let rest = '';
    socket.setEncoding('utf8');
    socket.on('data', (chunk: string) => {
      const lines = (rest + chunk).split('\n');
      rest = lines.pop() ?? '';
      this.#lines.push(...lines);
      this.#wake?.();
    });
    socket.on('error', () => undefined);
    socket.on('close', () => this.#wake?.());
  }

  static async open(path: string): Promise<Monitor> {
    const monitor = new Monitor(await dial(path));
    try {
      await monitor.#next((message) => 'QMP' in message);
      await monitor.qmp('qmp_capabilities');
      return monitor;
    } catch (error) {
      monitor.close();
      throw error;
    }
  }

  /** One command at a time; rejects with QEMU's own words. */
  async qmp<T = unknown>(execute: string, args: Readonly<Record<string, unknown>> = {}): Promise<T> {
    this.#socket.write(`${JSON.stringify({ execute, arguments: args })}\n`);
    const answer = await this.#next((message) => 'return' in message || 'error' in message);
    if ('error' in answer) throw new Error(`${execute}: ${JSON.stringify(answer['error'])}`);
    return answer['return'] as T;
  }

  async hmp(line: string): Promise<string> {
    return this.qmp<string>('human-monitor-command', { 'command-line': line });
  }

  async status(): Promise<string> {
    return (await this.qmp<{ status: string }>('query-status')).status;
  }

  close(): void {
    this.#socket.destroy();
  }

  async #next(wanted: (message: Record<string, unknown>) => boolean): Promise<Record<string, unknown>> {
    for (const deadline = Date.now() + LIMIT_MS; ;) {
      const line = this.#lines.shift();
      if (line === undefined) {
        if (this.#socket.destroyed) throw new Error('the monitor closed the connection');
        const left = deadline - Date.now();
        if (left <= 0) throw new Error(`no answer from the monitor within ${LIMIT_MS} ms`);
        await this.#moreLines(left);
      } else if (line.trim() !== '') {
        const message = JSON.parse(line) as Record<string, unknown>;
        if (wanted(message)) return message;
      }
    }
  }

  #moreLines(limitMs: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, limitMs);
      this.#wake = () => {
        clearTimeout(timer);
        this.#wake = null;
        resolve();
      };
    });
  }
}

/** Uses a monitor and lets go of it whatever happens. */
export async function withMonitor<T>(qmpSocket: string, use: (monitor: Monitor) => Promise<T>): Promise<T> {
  const monitor = await Monitor.open(qmpSocket);
  try {
    return await use(monitor);
  } finally {
    monitor.close();
  }
}

/** Guest-physical memory as the VM sees it now. */
export async function readGuestMemory(qmpSocket: string, address: number, length: number): Promise<Buffer> {
  const path = join(tmpdir(), `pmem-${randomBytes(6).toString('hex')}`);
  try {
    await withMonitor(qmpSocket, (monitor) => monitor.qmp('pmemsave', { val: address, size: length, filename: path }));
    return await readFile(path);
  } finally {
    await rm(path, { force: true });
  }
}

/** Puts bytes into guest-physical memory. A VM that runs goes on running, one that is paused stays paused. */
export async function writeGuestMemory(qmpSocket: string, address: number, bytes: Uint8Array): Promise<void> {
  await withMonitor(qmpSocket, async (monitor) => {
    const before = await monitor.status();
    const path = join(tmpdir(), `gdb-${randomBytes(6).toString('hex')}.sock`);
    const said = await monitor.hmp(`gdbserver unix:${path},server=on,wait=off`);
    if (!said.startsWith('Waiting for gdb connection')) throw new Error(`gdbserver: ${said}`);
    try {
      await pokeThroughStub(path, address, bytes);
    } finally {
      await monitor.hmp('gdbserver none');
      await rm(path, { force: true });
      if (before === 'paused') await monitor.qmp('stop');
    }
  });
}

async function pokeThroughStub(path: string, address: number, bytes: Uint8Array): Promise<void> {
  const socket = await dial(path);
  try {
    const stub = new GdbStub(socket);
    await stub.ask('?');
    await stub.askOk('Qqemu.PhyMemMode:1');
    for (let done = 0; done < bytes.length; done += BYTES_PER_PACKET) {
      const part = Buffer.from(bytes.subarray(done, done + BYTES_PER_PACKET));
      await stub.askOk(`M${(address + done).toString(16)},${part.length.toString(16)}:${part.toString('hex')}`);
    }
    await stub.askOk('D');
  } finally {
    socket.destroy();
  }
}

/** `$data#checksum` each way, and a `+` for each packet received. */
class GdbStub {
  #socket: Socket;
  #received = '';

  constructor(socket: Socket) {
    this.#socket = socket;
    socket.setEncoding('latin1');
    socket.on('data', (chunk: string) => (this.#received += chunk));
  }

  async ask(data: string): Promise<string> {
    const sum = [...Buffer.from(data, 'latin1')].reduce((total, byte) => (total + byte) & 0xff, 0);
    this.#received = '';
    this.#socket.write(`$${data}#${sum.toString(16).padStart(2, '0')}`);
    for (const deadline = Date.now() + LIMIT_MS; Date.now() < deadline;) {
      const packet = /\$([^#]*)#[0-9a-f]{2}/.exec(this.#received);
      if (packet !== null) {
        this.#socket.write('+');
        return packet[1] ?? '';
      }
      await new Promise((resolve) => setTimeout(resolve, 2));
    }
    throw new Error(`the debugger stub does not answer ${data.slice(0, 20)}`);
  }

  async askOk(data: string): Promise<void> {
    const answer = await this.ask(data);
    if (answer !== 'OK') throw new Error(`the debugger stub answers ${data.slice(0, 20)} with "${answer}"`);
  }
}

function dial(path: string): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect(path, () => resolve(socket));
    socket.once('error', reject);
  });
}
