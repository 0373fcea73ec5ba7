/**
 * A QEMU and its monitor with nothing of Stillframe in between: what the project's files are measured against.
 *
 * Own code from start to end: it must not import from src-*, or it would share the project's mistakes.
 */
import { spawn, type ChildProcess } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { readFile, rm } from 'node:fs/promises';
import { connect, type Socket } from 'node:net';
import { join } from 'node:path';
import { sendWithFd } from './send-fd';

export interface PlainQemuOptions {
  /** The VM's own arguments, e.g. `['-M', 'q35', '-m', '32']`. */
  readonly argv: readonly string[];
  /** A folder of the test for the QMP socket and what pmemsave writes. Its path has to be short (unix sockets: 107 bytes). */
  readonly folder: string;
  readonly program?: string;
  /** Without `-nodefaults` QEMU adds a VGA card, a network card and more. Default: false. */
  readonly defaults?: boolean;
  /** Default: `['-display', 'none']`. */
  readonly display?: readonly string[];
}

interface Pending {
  readonly resolve: (value: unknown) => void;
  readonly reject: (error: Error) => void;
}

export interface MigrateOptions {
  readonly mappedRam?: boolean;
  /** Multifd channels; 0 or absent: no multifd. */
  readonly channels?: number;
  readonly directIo?: boolean;
  /** Further capabilities, e.g. `{'background-snapshot': true}`. */
  readonly capabilities?: Readonly<Record<string, boolean>>;
  readonly parameters?: Readonly<Record<string, unknown>>;
  readonly timeoutMs?: number;
}

const pause = (milliseconds: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, milliseconds));

/** A running QEMU. `stop()` belongs in a `finally` or `afterEach`. */
export class PlainQemu {
  readonly pid: number;
  /** QMP events seen so far, oldest first. */
  readonly events: { readonly event: string; readonly data: unknown }[] = [];
  #child: ChildProcess;
  #socket: Socket | null = null;
  #folder: string;
  #pending = new Map<string, Pending>();
  #nextId = 1;
  #stderr = '';
  #ended: Promise<void>;

  private constructor(child: ChildProcess, folder: string) {
    this.#child = child;
    this.#folder = folder;
    this.pid = child.pid ?? -1;
    child.stderr?.on('data', (chunk: Buffer) => (this.#stderr = (this.#stderr + chunk.toString()).slice(-65536)));
    this.#ended = new Promise((resolve) => {
      child.once('exit', () => {
        resolve();
      });
      child.once('error', (error) => {
        this.#stderr += String(error);
        resolve();
      });
    });
    void this.#ended.then(() => this.#rejectAll('QEMU ended'));
  }

  /** Starts QEMU under TCG and negotiates QMP. Pass `-S` in argv to start it stopped. */
  static async start(options: PlainQemuOptions): Promise<PlainQemu> {
    const socket = join(options.folder, `q-${randomBytes(4).toString('hex')}.sock`);
    const child = spawn(
      options.program ?? 'qemu-system-x86_64',
      [
        ...['-accel', 'tcg'],
        ...(options.display ?? ['-display', 'none']),
        ...(options.defaults === true ? [] : ['-nodefaults']),
        ...['-qmp', `unix:${socket},server=on,wait=off`],
        ...options.argv,
      ],
      { stdio: ['ignore', 'ignore', 'pipe'] },
    );
    const vm = new PlainQemu(child, options.folder);
    try {
      await vm.#connect(socket);
      await vm.qmp('qmp_capabilities');
    } catch (error) {
      await vm.stop();
      throw new Error(`QEMU did not start: ${String(error)}\n${vm.stderr()}`, { cause: error });
    }
    return vm;
  }

  async #connect(path: string): Promise<void> {
    for (const deadline = Date.now() + 20_000; ;) {
      if (this.hasEnded()) throw new Error('it ended at once');
      try {
        this.#socket = await new Promise<Socket>((resolve, reject) => {
          const socket = connect(path, () => resolve(socket));
          socket.once('error', reject);
        });
        break;
      } catch (error) {
        if (Date.now() > deadline) throw error;
      }
      await pause(20);
    }
    this.#socket.on('error', () => undefined);
    this.#socket.on('close', () => this.#rejectAll('the monitor closed'));
    let buffered = '';
    this.#socket.setEncoding('utf8');
    this.#socket.on('data', (chunk: string) => {
      const lines = (buffered + chunk).split('\n');
      buffered = lines.pop() ?? '';
      for (const line of lines) if (line.trim() !== '') this.#receive(line);
    });
  }

  #receive(line: string): void {
    const message = JSON.parse(line) as {
      id?: string;
      return?: unknown;
      error?: { desc: string };
      event?: string;
      data?: unknown;
    };
    if (message.event !== undefined) this.events.push({ event: message.event, data: message.data });
    const pending = message.id === undefined ? undefined : this.#pending.get(message.id);
    if (message.id === undefined || pending === undefined) return;
    this.#pending.delete(message.id);
    if (message.error) pending.reject(new Error(message.error.desc));
    else pending.resolve(message.return);
  }

  #rejectAll(why: string): void {
    for (const { reject } of this.#pending.values()) reject(new Error(`${why}\n${this.#stderr}`));
    this.#pending.clear();
  }

  /** One QMP command; rejects with QEMU's own words. */
  qmp<T = unknown>(command: string, args: Readonly<Record<string, unknown>> = {}): Promise<T> {
    const { answer, line } = this.#expect<T>(command, args);
    this.#socket?.write(line);
    return answer;
  }

  /** A command as it is to be sent, and its answer. */
  #expect<T>(command: string, args: Readonly<Record<string, unknown>>): { answer: Promise<T>; line: string } {
    const id = String(this.#nextId++);
    const answer = new Promise<T>((resolve, reject) => {
      if (this.#socket === null || this.hasEnded()) {
        reject(new Error(`QEMU is not running\n${this.#stderr}`));
        return;
      }
      this.#pending.set(id, {
        resolve: (value) => {
          resolve(value as T);
        },
        reject,
      });
    });
    return { answer, line: `${JSON.stringify({ execute: command, arguments: args, id })}\n` };
  }

  /** Gives QEMU a copy of a descriptor under a name: `fd:NAME` in a URI. The caller closes its own. */
  async giveFd(name: string, fd: number): Promise<void> {
    const handle = (this.#socket as { _handle?: { fd?: unknown } } | null)?._handle?.fd;
    if (typeof handle !== 'number' || this.#socket?.writableLength !== 0) {
      throw new Error('the monitor is closed, or something waits to be sent');
    }
    const { answer, line } = this.#expect('getfd', { fdname: name });
    sendWithFd(handle, Buffer.from(line), fd);
    await answer;
  }

  /** Sets capabilities and parameters for a save or a load. `max-bandwidth` becomes 0: unlimited. */
  async setMigration(options: MigrateOptions): Promise<void> {
    const channels = options.channels ?? 0;
    const wanted: Record<string, boolean> = {
      'mapped-ram': options.mappedRam ?? false,
      multifd: channels > 0,
      ...options.capabilities,
    };
    const known = await this.qmp<{ capability: string }[]>('query-migrate-capabilities');
    await this.qmp('migrate-set-capabilities', {
      capabilities: Object.entries(wanted)
        // An old QEMU need not be told to leave out what it does not know.
        .filter(([name, state]) => state || known.some(({ capability }) => capability === name))
        .map(([capability, state]) => ({ capability, state })),
    });
    await this.qmp('migrate-set-parameters', {
      'max-bandwidth': 0,
      ...(channels > 0 ? { 'multifd-channels': channels } : {}),
      ...(options.directIo === undefined ? {} : { 'direct-io': options.directIo }),
      ...options.parameters,
    });
  }

  /** Saves to `uri` (`file:/path`, `file:/path,offset=1M` …) and waits until QEMU says completed. */
  async save(uri: string, options: MigrateOptions = {}): Promise<void> {
    await this.setMigration(options);
    await this.qmp('migrate', { uri });
    await this.#migrationEnds(options.timeoutMs ?? 60_000);
  }

  /** Loads from `uri` into a QEMU that was started with `-incoming defer`. */
  async load(uri: string, options: MigrateOptions = {}): Promise<void> {
    await this.setMigration(options);
    await this.qmp('migrate-incoming', { uri });
    await this.#migrationEnds(options.timeoutMs ?? 60_000);
  }

  async #migrationEnds(timeoutMs: number): Promise<void> {
    for (const deadline = Date.now() + timeoutMs; ;) {
      const { status, 'error-desc': reason } = await this.qmp<{ status?: string; 'error-desc'?: string }>(
        'query-migrate',
      );
      if (status === 'completed') return;
      if (status === 'failed' || status === 'cancelled') throw new Error(`migration ${status}: ${String(reason)}`);
      if (Date.now() > deadline) throw new Error(`migration still ${String(status)} after ${timeoutMs} ms`);
      await pause(10);
    }
  }

  /** `running`, `paused`, `postmigrate`, `inmigrate` … */
  async status(): Promise<string> {
    return (await this.qmp<{ status: string }>('query-status')).status;
  }

  /** Guest-physical memory as the VM sees it. */
  async readMemory(address: number, length: number): Promise<Buffer> {
    const path = join(this.#folder, `pmem-${randomBytes(4).toString('hex')}.bin`);
    try {
      await this.qmp('pmemsave', { val: address, size: length, filename: path });
      return await readFile(path);
    } finally {
      await rm(path, { force: true });
    }
  }

  stderr(): string {
    return this.#stderr;
  }

  hasEnded(): boolean {
    return this.#child.exitCode !== null || this.#child.signalCode !== null || this.pid === -1;
  }

  /** Ends this QEMU, by its pid, and waits until it is gone. */
  async stop(): Promise<void> {
    this.#socket?.destroy();
    if (!this.hasEnded()) this.#child.kill('SIGKILL');
    await this.#ended;
  }
}

/** Starts a QEMU from `argv`, saves it to `uri` and ends it. `live` leaves the guest running until QEMU stops it. */
export async function saveWithPlainQemu(
  options: PlainQemuOptions & {
    readonly uri: string;
    readonly live?: boolean;
    readonly migrate?: MigrateOptions;
    /** What else the VM is told before it is saved. */
    readonly prepare?: (vm: PlainQemu) => Promise<unknown>;
  },
): Promise<void> {
  const vm = await PlainQemu.start({
    ...options,
    argv: options.live === true ? options.argv : [...options.argv, '-S'],
  });
  try {
    await options.prepare?.(vm);
    await vm.save(options.uri, options.migrate);
  } finally {
    await vm.stop();
  }
}

/** Starts a QEMU that has loaded `uri`; it stays paused when `-S` is in argv. The caller stops it. */
export async function restoreWithPlainQemu(
  options: PlainQemuOptions & { readonly uri: string; readonly migrate?: MigrateOptions },
): Promise<PlainQemu> {
  const vm = await PlainQemu.start({ ...options, argv: [...options.argv, '-incoming', 'defer'] });
  try {
    await vm.load(options.uri, options.migrate);
    return vm;
  } catch (error) {
    const stderr = vm.stderr();
    await vm.stop();
    throw new Error(`restore failed: ${String(error)}\n${stderr}`, { cause: error });
  }
}
