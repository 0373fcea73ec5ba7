/**
 * The few system calls main needs that Node does not offer, through koffi and glibc. Linux, 64-bit.
 *
 * Every call here is non-blocking or runs off the event loop. A failed call throws a `SystemError` with the errno's name.
 */
import { mkdir, rename, rmdir } from 'node:fs/promises';
import koffi from 'koffi';
import { checked, closeFd, renameFlagged, SystemError } from '../files/system-call';

const AF_UNIX = 1;
const AF_NETLINK = 16;
const SOCK_STREAM = 1;
const SOCK_DGRAM = 2;
const SOCK_NONBLOCK = 0o4000;
const SOCK_CLOEXEC = 0o2000000;
const SOL_SOCKET = 1;
const SO_PEERCRED = 17;
const SCM_RIGHTS = 1;
const MSG_DONTWAIT = 0x40;
const MSG_NOSIGNAL = 0x4000;
const NETLINK_SOCK_DIAG = 4;

/** Bytes of a unix socket path that the kernel accepts, without the closing zero (unix(7): sun_path has 108). */
export const MAX_SOCKET_PATH = 107;
/** Most descriptors one message can carry (SCM_MAX_FD of the kernel). */
const MAX_FDS = 253;

const libc = koffi.load('libc.so.6');
const iovec = koffi.struct({ base: 'void *', length: 'size_t' });
const msghdr = koffi.struct({
  name: 'void *',
  nameLength: 'uint32_t',
  vectors: koffi.pointer(iovec),
  vectorCount: 'size_t',
  control: 'void *',
  controlLength: 'size_t',
  flags: 'int',
});

interface MessageHeader {
  readonly name: null;
  readonly nameLength: 0;
  readonly vectors: readonly [{ readonly base: Uint8Array; readonly length: number }];
  readonly vectorCount: 1;
  readonly control: Uint8Array | null;
  readonly controlLength: number;
  readonly flags: 0;
}

type Fd = number;
const calls = {
  socket: libc.func('int socket(int domain, int type, int protocol)') as (d: number, t: number, p: number) => Fd,
  connect: libc.func('int connect(int fd, void *address, uint32_t length)') as (
    fd: Fd,
    address: Uint8Array,
    length: number,
  ) => number,
  send: libc.func('int64_t send(int fd, void *data, size_t length, int flags)') as (
    fd: Fd,
    data: Uint8Array,
    length: number,
    flags: number,
  ) => number,
  recv: libc.func('int64_t recv(int fd, void *data, size_t length, int flags)') as (
    fd: Fd,
    data: Uint8Array,
    length: number,
    flags: number,
  ) => number,
  sendmsg: libc.func('sendmsg', 'int64_t', ['int', koffi.pointer(msghdr), 'int']) as (
    fd: Fd,
    message: MessageHeader,
    flags: number,
  ) => number,
  getsockopt: libc.func('int getsockopt(int fd, int level, int option, void *value, _Inout_ uint32_t *length)') as (
    fd: Fd,
    level: number,
    option: number,
    value: Uint8Array,
    length: [number],
  ) => number,
};

/** `struct sockaddr_un`. */
function unixAddress(path: string): Uint8Array {
  const name = Buffer.from(path);
  if (name.length === 0 || name.includes(0)) throw new SystemError('connect', koffi.os.errno['ENOENT'] ?? 2);
  if (name.length > MAX_SOCKET_PATH) throw new SystemError('connect', koffi.os.errno['ENAMETOOLONG'] ?? 36);
  const address = Buffer.alloc(2 + MAX_SOCKET_PATH + 1);
  address.writeUInt16LE(AF_UNIX, 0);
  name.copy(address, 2);
  return address;
}

/**
 * Connects to a listening unix socket without ever waiting and returns the descriptor (close-on-exec, non-blocking).
 * A server whose queue of waiting clients is full throws `EAGAIN`; nobody listening throws `ECONNREFUSED` or `ENOENT`.
 */
export function connectUnixSocket(path: string): Fd {
  const fd = checked('socket', calls.socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  try {
    const address = unixAddress(path);
    checked('connect', calls.connect(fd, address, address.length));
    return fd;
  } catch (error) {
    closeFd(fd);
    throw error;
  }
}

/** The process that listens on the other end of a connected unix socket (SO_PEERCRED), null for one that is not visible. */
export function peerOf(fd: Fd): { readonly pid: number | null; readonly uid: number } {
  const value = Buffer.alloc(12);
  const length: [number] = [value.length];
  checked('getsockopt', calls.getsockopt(fd, SOL_SOCKET, SO_PEERCRED, value, length));
  const pid = value.readInt32LE(0);
  return { pid: pid > 0 ? pid : null, uid: value.readUInt32LE(4) };
}

/**
 * Sends what fits of `data` on a non-blocking socket, with file descriptors attached (SCM_RIGHTS) if any are given, in one
 * sendmsg. Returns how many bytes went out: at least one, and the descriptors went with it. Throws `EAGAIN` when nothing
 * did, `EPIPE` when the other side is gone.
 */
export function sendOnSocket(socket: Fd, data: Uint8Array, fds: readonly Fd[]): number {
  if (data.length === 0) throw new RangeError('nothing to send');
  if (fds.length > MAX_FDS) throw new RangeError(`at most ${MAX_FDS} descriptors, not ${fds.length}`);
  const control = fds.length === 0 ? null : controlMessage(fds);
  const message: MessageHeader = {
    name: null,
    nameLength: 0,
    vectors: [{ base: data, length: data.length }],
    vectorCount: 1,
    control,
    controlLength: control?.length ?? 0,
    flags: 0,
  };
  return checked('sendmsg', calls.sendmsg(socket, message, MSG_NOSIGNAL | MSG_DONTWAIT));
}

/** `struct cmsghdr { size_t len; int level; int type; int fds[] }`, padded to 8 (cmsg(3)). */
function controlMessage(fds: readonly Fd[]): Uint8Array {
  const payload = 4 * fds.length;
  const control = Buffer.alloc(16 + Math.ceil(payload / 8) * 8);
  control.writeBigUInt64LE(BigInt(16 + payload), 0);
  control.writeInt32LE(SOL_SOCKET, 8);
  control.writeInt32LE(SCM_RIGHTS, 12);
  fds.forEach((fd, index) => control.writeInt32LE(fd, 16 + 4 * index));
  return control;
}

/**
 * One request to the kernel's socket diagnosis (sock_diag(7)) and its whole answer, a buffer per datagram, at most
 * `maxBytes` in all. The kernel answers while the request is sent, so nothing here waits.
 */
export function askSockDiag(request: Uint8Array, maxBytes: number): readonly Uint8Array[] {
  const fd = checked('socket', calls.socket(AF_NETLINK, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_SOCK_DIAG));
  try {
    checked('send', calls.send(fd, request, request.length, MSG_DONTWAIT));
    const answers: Uint8Array[] = [];
    for (let total = 0; total < maxBytes;) {
      const buffer = Buffer.alloc(64 * 1024);
      const length = calls.recv(fd, buffer, buffer.length, MSG_DONTWAIT);
      if (length <= 0) break;
      answers.push(buffer.subarray(0, length));
      total += length;
    }
    return answers;
  } finally {
    closeFd(fd);
  }
}

/**
 * Renames a folder, never over something that is there already (`EEXIST`): renameat2 with RENAME_NOREPLACE, on a thread of
 * its own. NFS, 9p and some FUSE file systems do not know that flag; there the name is claimed first.
 */
export async function renameNoReplace(from: string, to: string): Promise<void> {
  try {
    await renameFlagged(from, to);
  } catch (error) {
    const unknownFlag = error instanceof SystemError && (error.code === 'EINVAL' || error.code === 'ENOSYS');
    if (!unknownFlag) throw error;
    await renameByClaim(from, to);
  }
}

/**
 * The same for folders without the flag: makes an empty folder of the new name, which fails with `EEXIST` when the name is
 * taken, and renames over that; rename(2) replaces a folder only while it is empty.
 */
export async function renameByClaim(from: string, to: string): Promise<void> {
  await mkdir(to, { mode: 0o700 });
  try {
    await rename(from, to);
  } catch (error) {
    await rmdir(to).catch(() => undefined);
    throw error;
  }
}
