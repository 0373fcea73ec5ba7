/**
 * Who is connected to a listening unix socket, found without connecting to it.
 *
 * The kernel's socket diagnosis (sock_diag(7), UDIAG_SHOW_PEER) names both ends of every connection; where it is not to be
 * had, /proc/net/unix still tells whether a connection was accepted.
 */
import { fstat } from 'node:fs';
import { realpath, stat } from 'node:fs/promises';
import { basename } from 'node:path';
import { promisify } from 'node:util';
import { askSockDiag } from './libc';
import { nameOf, ownerOfSocket, readProcFile } from './proc';
import { printable } from './qmp-wire';

export type Holder =
  { readonly kind: 'free' } | { readonly kind: 'held'; readonly pid: number | null; readonly program: string | null };

/** One established connection, seen from the accepting side. */
export interface AcceptedSocket {
  /** The path as it was given to bind, which may be relative to the listener's folder. */
  readonly name: string;
  /** Inode of the socket file, its low 32 bits; null when unknown. */
  readonly fileInode: number | null;
  /** Inode of the client's socket; null when unknown. */
  readonly peerInode: number | null;
}

const MAX_TABLE_BYTES = 8 * 1024 * 1024;
const SOCK_DIAG_BY_FAMILY = 20;
const NLM_F_REQUEST_DUMP = 0x301;
const AF_UNIX = 1;
const ESTABLISHED = 1;
const SHOW_NAME_VFS_PEER = 1 | 2 | 4;
const ATTRIBUTE_NAME = 0;
const ATTRIBUTE_VFS = 1;
const ATTRIBUTE_PEER = 2;

/**
 * The client that the listener behind `path` serves, other than the owner of `ownFd` (a connection of ours to the same
 * socket). Connections that wait to be accepted do not count.
 */
export async function holderOf(path: string, ownFd?: number): Promise<Holder> {
  const ownInode = ownFd === undefined ? null : (await promisify(fstat)(ownFd)).ino;
  const held = (await acceptedAt(path)).find(({ peerInode }) => ownInode === null || peerInode !== ownInode);
  if (held === undefined) return { kind: 'free' };
  const pid = held.peerInode === null ? null : await ownerOfSocket(held.peerInode);
  return { kind: 'held', pid, program: pid === null ? null : await nameOf(pid) };
}

/** Whether the listener behind `path` serves a client now. */
export async function isHeld(path: string): Promise<boolean> {
  return (await acceptedAt(path)).length > 0;
}

async function acceptedAt(path: string): Promise<readonly AcceptedSocket[]> {
  const file = await stat(path).catch(() => null);
  const real = await realpath(path).catch(() => path);
  return (await acceptedSockets()).filter(
    ({ name, fileInode }) =>
      name === path ||
      name === real ||
      (file !== null && fileInode === file.ino % 2 ** 32 && basename(name) === basename(real)),
  );
}

/** “virt-manager, pid 2210”, or empty when the client cannot be told. */
export function describeHolder(holder: Holder): string {
  if (holder.kind === 'free' || holder.pid === null) return '';
  return `${printable(holder.program ?? 'unknown program')}, pid ${String(holder.pid)}`;
}

async function acceptedSockets(): Promise<readonly AcceptedSocket[]> {
  try {
    return askSockDiag(diagRequest(), MAX_TABLE_BYTES).flatMap(parseDiagnosis);
  } catch {
    return parseUnixTable((await readProcFile('/proc/net/unix', MAX_TABLE_BYTES))?.toString('utf8') ?? '');
  }
}

/** `struct nlmsghdr` and `struct unix_diag_req` (linux/unix_diag.h). */
function diagRequest(): Uint8Array {
  const request = Buffer.alloc(40);
  request.writeUInt32LE(request.length, 0);
  request.writeUInt16LE(SOCK_DIAG_BY_FAMILY, 4);
  request.writeUInt16LE(NLM_F_REQUEST_DUMP, 6);
  request.writeUInt8(AF_UNIX, 16);
  request.writeUInt32LE(2 ** ESTABLISHED, 20);
  request.writeUInt32LE(SHOW_NAME_VFS_PEER, 28);
  return request;
}

/** The accepted sockets in one datagram of netlink messages: those that have a name. */
function parseDiagnosis(datagram: Uint8Array): AcceptedSocket[] {
  const bytes = Buffer.from(datagram.buffer, datagram.byteOffset, datagram.byteLength);
  const found: AcceptedSocket[] = [];
  for (let at = 0; at + 16 <= bytes.length;) {
    const length = bytes.readUInt32LE(at);
    if (length < 16 || at + length > bytes.length) break;
    if (bytes.readUInt16LE(at + 4) === SOCK_DIAG_BY_FAMILY) {
      const attributes = parseAttributes(bytes.subarray(at + 32, at + length));
      const name = attributes.get(ATTRIBUTE_NAME)?.toString('utf8').replace(/\0.*$/s, '') ?? '';
      if (name !== '') {
        found.push({
          name,
          fileInode: firstWord(attributes.get(ATTRIBUTE_VFS)),
          peerInode: firstWord(attributes.get(ATTRIBUTE_PEER)),
        });
      }
    }
    at += Math.ceil(length / 4) * 4;
  }
  return found;
}

function parseAttributes(bytes: Buffer): ReadonlyMap<number, Buffer> {
  const attributes = new Map<number, Buffer>();
  for (let at = 0; at + 4 <= bytes.length;) {
    const length = bytes.readUInt16LE(at);
    if (length < 4 || at + length > bytes.length) break;
    attributes.set(bytes.readUInt16LE(at + 2), bytes.subarray(at + 4, at + length));
    at += Math.ceil(length / 4) * 4;
  }
  return attributes;
}

function firstWord(bytes: Buffer | undefined): number | null {
  return bytes !== undefined && bytes.length >= 4 ? bytes.readUInt32LE(0) : null;
}

/**
 * The accepted sockets in the text of /proc/net/unix: named, no listener (flag 0x10000), state 03. One that waits to be
 * accepted stands there with state 02 and inode 0.
 */
export function parseUnixTable(text: string): AcceptedSocket[] {
  return text
    .split('\n')
    .slice(1)
    .flatMap((line) => {
      const match = /^[\da-f]+: [\da-f]{8} [\da-f]{8} ([\da-f]{8}) [\da-f]{4} ([\da-f]{2}) +(\d+) (.+)$/i.exec(line);
      if (match === null) return [];
      const [, flags = '', state, inode, name = ''] = match;
      const accepted = parseInt(flags, 16) < 0x10000 && state === '03' && inode !== '0';
      return accepted ? [{ name, fileInode: null, peerInode: null }] : [];
    });
}
