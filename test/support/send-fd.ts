/** A message with a file descriptor on a unix socket (SCM_RIGHTS), which Node does not offer. Imports nothing from src-*. */
import koffi from 'koffi';

const SOL_SOCKET = 1;
const SCM_RIGHTS = 1;
const MSG_NOSIGNAL = 0x4000;
/** A `struct cmsghdr` with one int behind it takes 20 bytes, and its buffer 24 (cmsg(3), 64-bit Linux). */
const CONTROL_LENGTH = 20;
const CONTROL_SPACE = 24;

const sendmsg = koffi.load('libc.so.6').func('sendmsg', 'int64_t', [
  'int',
  koffi.pointer(
    koffi.struct({
      name: 'void *',
      nameLength: 'uint32_t',
      vectors: koffi.pointer(koffi.struct({ base: 'void *', length: 'size_t' })),
      vectorCount: 'size_t',
      control: 'void *',
      controlLength: 'size_t',
      flags: 'int',
    }),
  ),
  'int',
]) as (socket: number, message: object, flags: number) => number;

/** Sends all of `data`, and a copy of `fd` with it, in one call. The data has to fit into the socket's buffer. */
export function sendWithFd(socket: number, data: Uint8Array, fd: number): void {
  const control = Buffer.alloc(CONTROL_SPACE);
  control.writeBigUInt64LE(BigInt(CONTROL_LENGTH), 0);
  control.writeInt32LE(SOL_SOCKET, 8);
  control.writeInt32LE(SCM_RIGHTS, 12);
  control.writeInt32LE(fd, 16);
  const message = {
    name: null,
    nameLength: 0,
    vectors: [{ base: data, length: data.length }],
    vectorCount: 1,
    control,
    controlLength: CONTROL_SPACE,
    flags: 0,
  };
  const sent = sendmsg(socket, message, MSG_NOSIGNAL);
  if (sent !== data.length) throw new Error(`sendmsg sent ${sent} of ${data.length} bytes, errno ${koffi.errno()}`);
}
