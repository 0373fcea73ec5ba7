/** A QMP client over a unix socket (QEMU docs/interop/qmp-spec). */
import { fail, StillframeError } from '@shared/contracts/failure';
import type { Socket } from 'node:net';
import type { Json, Qmp, QmpEvent, Unsubscribe } from '../services';
import { SystemError } from '../files/system-call';
import { sendOnSocket } from './libc';
import { openMonitor, type OpenMonitor } from './monitor-socket';
import { LineSplitter, parseMessage, type QmpMessage } from './qmp-wire';

const DEFAULT_COMMAND_MS = 15_000;
const DEFAULT_GREETING_MS = 2_000;
/** How long to wait before a full socket buffer is tried again. */
const RETRY_SEND_MS = 5;

export interface QmpOptions {
  /** How long QEMU may take to greet before the monitor counts as held by somebody else. */
  readonly greetingMs?: number;
  /** Time limit of a command that names none. */
  readonly commandMs?: number;
}

/** A QMP connection that also knows the process on the other end. */
export interface QmpConnection extends Qmp {
  /** The process that listens on the socket; null when it is not visible from here (another pid namespace). */
  readonly pid: number | null;
}

interface Pending {
  readonly command: string;
  readonly resolve: (value: Json) => void;
  readonly reject: (error: Error) => void;
  readonly timer: NodeJS.Timeout;
}

/**
 * Connects to a QMP socket and negotiates. Never waits for a monitor that another client holds:
 * `qemu.monitor-busy` names that client where it can be told. A peer that speaks something else is `qemu.not-qmp`, a
 * socket without a listener `qemu.gone`.
 */
export async function connectQmp(path: string, options: QmpOptions = {}): Promise<QmpConnection> {
  const monitor = await openMonitor(path, options.greetingMs ?? DEFAULT_GREETING_MS);
  const client = new QmpClient(path, monitor, options.commandMs ?? DEFAULT_COMMAND_MS);
  try {
    await client.execute('qmp_capabilities');
    return client;
  } catch (error) {
    client.close();
    throw error;
  }
}

class QmpClient implements QmpConnection {
  readonly version: string;
  readonly pid: number | null;
  readonly closed: Promise<Error>;
  private readonly socket: Socket;
  private readonly fd: number;
  private readonly lines: LineSplitter;
  private readonly pending = new Map<string, Pending>();
  private readonly listeners = new Set<(event: QmpEvent) => void>();
  /** Whoever wants to send waits for the one before: no two commands interleave, no descriptor overtakes a byte. */
  private lane: Promise<unknown> = Promise.resolve();
  private nextId = 1;
  private ended: Error | null = null;
  private settleClosed: (why: Error) => void = () => undefined;

  constructor(
    readonly socketPath: string,
    monitor: OpenMonitor,
    private readonly commandMs: number,
  ) {
    this.version = monitor.version;
    this.pid = monitor.pid;
    this.socket = monitor.socket;
    this.fd = monitor.fd;
    this.lines = new LineSplitter(socketPath);
    this.closed = new Promise((resolve) => {
      this.settleClosed = resolve;
    });
    this.socket.on('data', (chunk: Buffer) => this.receive(chunk));
    this.socket.on('error', (error) => this.end(this.gone(error.message)));
    this.socket.on('close', () => this.end(this.gone('QEMU closed the connection')));
    if (monitor.rest.length > 0) this.receive(monitor.rest);
    this.socket.resume();
  }

  execute(
    command: string,
    args?: Readonly<Record<string, Json | undefined>>,
    options: { readonly timeoutMs?: number; readonly fds?: readonly number[] } = {},
  ): Promise<Json> {
    if (this.ended !== null) return Promise.reject(this.ended);
    const id = `sf-${String(this.nextId++)}`;
    const message = { execute: command, ...(args === undefined ? {} : { arguments: args }), id };
    const bytes = Buffer.from(`${JSON.stringify(message)}\n`);
    const fds = options.fds ?? [];
    const answer = this.expect(id, command, options.timeoutMs ?? this.commandMs);
    this.lane = this.lane.then(async () => {
      if (!this.pending.has(id)) return;
      try {
        await this.send(bytes, fds);
      } catch (error) {
        this.settle(id)?.reject(this.notSent(command, error));
        return;
      }
      // QEMU keeps descriptors until a command takes them and drops them when others arrive: nothing may follow yet.
      if (fds.length > 0) await answer.catch(() => undefined);
    });
    return answer;
  }

  async hmp(commandLine: string, timeoutMs?: number): Promise<string> {
    const text = await this.execute(
      'human-monitor-command',
      { 'command-line': commandLine },
      timeoutMs === undefined ? {} : { timeoutMs },
    );
    return typeof text === 'string' ? text : '';
  }

  onEvent(listener: (event: QmpEvent) => void): Unsubscribe {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  close(): void {
    this.end(this.gone('Stillframe closed the connection'));
  }

  private expect(id: string, command: string, timeoutMs: number): Promise<Json> {
    return new Promise<Json>((resolve, reject) => {
      const timer = setTimeout(() => {
        this.settle(id)?.reject(
          fail(
            'qemu.timeout',
            `asking QEMU for ${command}`,
            `QEMU did not answer ${command} within ${String(timeoutMs / 1000)} s`,
            'Look whether the host is overloaded or QEMU is stuck, then try again.',
            { where: { path: this.socketPath } },
          ),
        );
      }, timeoutMs);
      this.pending.set(id, { command, resolve, reject, timer });
    });
  }

  private settle(id: string): Pending | undefined {
    const pending = this.pending.get(id);
    if (pending !== undefined) clearTimeout(pending.timer);
    this.pending.delete(id);
    return pending;
  }

  /**
   * Sends by system call, not by `Socket.write`: so nothing is ever queued that descriptors could overtake, and a peer that
   * is gone does not take with it what it sent last (a failed write would destroy the socket with unread events in it).
   */
  private async send(bytes: Uint8Array, fds: readonly number[]): Promise<void> {
    for (let sent = 0; sent < bytes.length;) {
      // The descriptor is the socket's: once that is destroyed, the number may be somebody else's file.
      if (this.ended !== null || this.socket.destroyed) throw this.gone('it was closed before the command was sent');
      try {
        sent += sendOnSocket(this.fd, bytes.subarray(sent), sent === 0 ? fds : []);
      } catch (error) {
        if (!(error instanceof SystemError) || error.code !== 'EAGAIN') throw error;
        await new Promise((resolve) => setTimeout(resolve, RETRY_SEND_MS));
      }
    }
  }

  private receive(chunk: Buffer): void {
    if (this.ended !== null) return;
    try {
      for (const line of this.lines.push(chunk)) this.take(parseMessage(line, this.socketPath));
    } catch (error) {
      this.end(error instanceof Error ? error : this.gone(String(error)));
    }
  }

  private take(message: QmpMessage): void {
    if (message.kind === 'event') {
      for (const listener of [...this.listeners]) listener(message.event);
      return;
    }
    if (message.kind === 'greeting') return;
    const pending = message.id === null ? this.onlyPendingForNull(message) : this.settle(message.id);
    if (pending === undefined) return;
    if (message.kind === 'return') pending.resolve(message.value);
    else pending.reject(refused(pending.command, message.errorClass, message.description, this.socketPath));
  }

  /** QEMU leaves out the id when it could not parse the command; with one command pending it is clear whose answer it is. */
  private onlyPendingForNull(message: QmpMessage): Pending | undefined {
    if (message.kind !== 'error' || this.pending.size !== 1) return undefined;
    const [id] = this.pending.keys();
    return id === undefined ? undefined : this.settle(id);
  }

  private end(why: Error): void {
    if (this.ended !== null) return;
    this.ended = why;
    this.socket.destroy();
    for (const id of [...this.pending.keys()]) this.settle(id)?.reject(why);
    this.listeners.clear();
    this.settleClosed(why);
  }

  private notSent(command: string, cause: unknown): Error {
    if (cause instanceof StillframeError) return cause;
    const why = cause instanceof Error ? cause.message : String(cause);
    if (cause instanceof SystemError && (cause.code === 'EPIPE' || cause.code === 'ECONNRESET')) return this.gone(why);
    return fail('internal', `asking QEMU for ${command}`, `The command could not be sent: ${why}`, 'Try again.', {
      where: { path: this.socketPath, field: command },
      cause,
    });
  }

  private gone(why: string): StillframeError {
    return fail(
      'qemu.gone',
      'talking to QEMU',
      `The connection to QEMU ended: ${why}`,
      'Look at the machine: its QEMU may have ended.',
      { where: { path: this.socketPath } },
    );
  }
}

function refused(command: string, errorClass: string, description: string, path: string): StillframeError {
  return fail(
    'qemu.refused',
    `asking QEMU for ${command}`,
    description.replace(/\.+$/, ''),
    'Nothing was changed by this command.',
    {
      where: { path, field: command },
      detail: `${errorClass}: ${description}`,
    },
  );
}
