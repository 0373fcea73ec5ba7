/** Opening a QMP socket up to its greeting, and telling apart the ways in which that does not work. */
import type { StillframeError } from '@shared/contracts/failure';
import { fail } from '@shared/contracts/failure';
import { Socket } from 'node:net';
import { closeFd, SystemError } from '../files/system-call';
import { connectUnixSocket, peerOf } from './libc';
import { LineSplitter, notQmp, parseMessage } from './qmp-wire';
import { describeHolder, holderOf } from './socket-holder';

/** A greeting has about 200 bytes; who sends more without a line end is no QEMU. */
const MAX_GREETING_BYTES = 64 * 1024;
const RETRY_MS = 20;

/** A connected monitor that has greeted and waits for `qmp_capabilities`. The socket is paused. */
export interface OpenMonitor {
  readonly socket: Socket;
  /** The socket's descriptor, owned by `socket`. */
  readonly fd: number;
  readonly pid: number | null;
  readonly version: string;
  /** Bytes that came after the greeting. */
  readonly rest: Buffer;
}

/** Connects and waits for the greeting. Errors as described at `connectQmp`. */
export async function openMonitor(path: string, greetingMs: number): Promise<OpenMonitor> {
  const until = Date.now() + greetingMs;
  const fd = await connectOrSay(path, until);
  let pid: number | null;
  let socket: Socket;
  try {
    pid = peerOf(fd).pid;
    socket = new Socket({ fd, readable: true, writable: true });
  } catch (error) {
    closeFd(fd);
    throw error;
  }
  try {
    const { version, rest } = await greeting(socket, path, Math.max(1, until - Date.now()));
    return { socket, fd, pid, version, rest };
  } catch (error) {
    if (error instanceof SilentPeer) throw await whySilent(path, fd, greetingMs).finally(() => socket.destroy());
    socket.destroy();
    throw error;
  }
}

class SilentPeer extends Error {}

async function connectOrSay(path: string, until: number): Promise<number> {
  for (;;) {
    try {
      return connectUnixSocket(path);
    } catch (error) {
      const code = error instanceof SystemError ? error.code : '';
      if (code !== 'EAGAIN') throw cannotConnect(path, code, error);
    }
    // The queue is full of others who wait; some may have given up already, and QEMU is about to notice.
    if (Date.now() >= until) throw busy(path, describeHolder(await holderOf(path)));
    await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
  }
}

function cannotConnect(path: string, code: string, cause: unknown): StillframeError {
  const doing = 'connecting to QEMU';
  const more = { where: { path }, cause };
  switch (code) {
    case 'ENOENT':
      return fail(
        'qemu.gone',
        doing,
        'There is no socket at this path',
        'Check the path; the QEMU that made it may have ended.',
        more,
      );
    case 'ECONNREFUSED':
      return fail('qemu.gone', doing, 'Nobody listens on this socket', 'Its QEMU has ended; start the VM again.', more);
    case 'EACCES':
    case 'EPERM':
      return fail(
        'file.no-access',
        doing,
        'This user may not connect to the socket',
        'Run Stillframe as the user who runs this QEMU.',
        more,
      );
    case 'ENAMETOOLONG':
      return fail(
        'qemu.gone',
        doing,
        'The path is too long for a unix socket (107 bytes)',
        'Use a shorter path, or a link to the folder.',
        more,
      );
    case 'ENOTSOCK':
    case 'EPROTOTYPE':
      return fail(
        'qemu.not-qmp',
        doing,
        'This is not a stream socket',
        'Choose the socket given to QEMU with -qmp.',
        more,
      );
    default:
      return fail(
        'qemu.gone',
        doing,
        `The socket cannot be reached (${code || String(cause)})`,
        'Check the path.',
        more,
      );
  }
}

function greeting(socket: Socket, path: string, limitMs: number): Promise<{ version: string; rest: Buffer }> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    const finish = (settle: () => void): void => {
      clearTimeout(timer);
      socket.off('data', onData).off('error', onError).off('close', onClose);
      socket.pause();
      settle();
    };
    const onData = (chunk: Buffer): void => {
      chunks.push(chunk);
      const bytes = Buffer.concat(chunks);
      const end = bytes.indexOf(10);
      if (end < 0 && bytes.length <= MAX_GREETING_BYTES) return;
      finish(() => {
        try {
          const [line = ''] = new LineSplitter(path, MAX_GREETING_BYTES).push(
            bytes.subarray(0, end < 0 ? undefined : end + 1),
          );
          const message = parseMessage(line, path);
          if (message.kind !== 'greeting') throw notQmp(path, 'its first message is no QMP greeting');
          resolve({ version: message.version, rest: bytes.subarray(end + 1) });
        } catch (error) {
          reject(error instanceof Error ? error : new Error(String(error)));
        }
      });
    };
    const onError = (error: Error): void => finish(() => reject(cannotConnect(path, error.message, error)));
    const onClose = (): void => finish(() => reject(notQmp(path, 'it closed the connection without a greeting')));
    const timer = setTimeout(() => finish(() => reject(new SilentPeer())), limitMs);
    socket.on('data', onData).on('error', onError).on('close', onClose);
  });
}

async function whySilent(path: string, fd: number, waitedMs: number): Promise<StillframeError> {
  const holder = await holderOf(path, fd);
  if (holder.kind !== 'free') return busy(path, describeHolder(holder));
  return fail(
    'qemu.not-qmp',
    'connecting to QEMU',
    `The other side accepted the connection and sent no QMP greeting for ${String(waitedMs / 1000)} s`,
    'Check that this is a QMP socket; if it is, QEMU is stuck.',
    { where: { path } },
  );
}

function busy(path: string, who: string): StillframeError {
  return fail(
    'qemu.monitor-busy',
    'connecting to QEMU',
    `This QMP socket is held by another client${who === '' ? '' : ` (${who})`}`,
    'A QMP socket serves one client at a time: end that client, or give QEMU a second socket with -qmp.',
    { where: { path } },
  );
}
