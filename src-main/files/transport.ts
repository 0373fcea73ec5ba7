/**
 * Where a save or a load in mapped-ram format may write and read, in the words of QEMU's migration URIs (migration/file.c,
 * `migrate_uri_parse`): everything that has places to write to. Everything else is named and refused.
 */
import { resolve } from 'node:path';
import { fail, type StillframeError } from '@shared/contracts/failure';
import { readSize } from './size';

export type Transport =
  /** `file:PATH` or `file:PATH,offset=SIZE`; the path is absolute. */
  | { readonly kind: 'file'; readonly path: string; readonly streamOffset: number | null }
  /** `fd:N`: a descriptor that this process was started with. */
  | { readonly kind: 'fd'; readonly fd: number; readonly streamOffset: null }
  /** `file:/dev/fdset/N` or `/dev/fdset/N`, each with `,offset=SIZE` or without: a pair of descriptors, buffered and direct. */
  | { readonly kind: 'fdset'; readonly set: number; readonly streamOffset: number | null };

const DOING = 'reading where to write or read';

/** What QEMU can migrate over besides files, and why pages have no place there. */
const STREAMS: Readonly<Record<string, string>> = {
  tcp: 'a network connection',
  unix: 'a socket',
  vsock: 'a socket',
  exec: 'the pipe of a program',
  rdma: 'a network connection',
};

/** Whether a word is meant as a transport, not as a path or the name of a snapshot; `./tcp:x` is a path. */
export const isTransport = (text: string): boolean =>
  /^(file|fd|tcp|unix|vsock|exec|rdma):/i.test(text) || text.startsWith(FDSET);

/**
 * Reads a transport.
 *
 * @throws StillframeError `channel.not-seekable` for a transport that pages have no places in, named, with what to use
 *   instead; `usage` for what is no transport at all, or has a bad offset or number
 */
export function parseTransport(text: string): Transport {
  const [, scheme = '', rest = text] = /^([a-z]+):(.*)$/is.exec(text) ?? [];
  switch (scheme) {
    case 'file':
      return parseFile(text, rest);
    case 'fd':
      return { kind: 'fd', fd: readDescriptor(text, rest), streamOffset: null };
    case '':
      if (text.startsWith(FDSET)) return parseFile(text, text);
      throw wrong(text, `"${text}" names no transport`);
    default: {
      const stream = STREAMS[scheme];
      if (stream === undefined) throw wrong(text, `there is no transport "${scheme}:"`);
      throw notSeekable(`${scheme}:`, `${scheme}: is ${stream}`);
    }
  }
}

const FDSET = '/dev/fdset/';

/** QEMU takes the first `,offset=` and all behind it for the size. */
function parseFile(text: string, rest: string): Transport {
  const at = rest.indexOf(',offset=');
  const path = at < 0 ? rest : rest.slice(0, at);
  const size = at < 0 ? null : rest.slice(at + ',offset='.length);
  if (path === '') throw wrong(text, 'there is no path');
  const streamOffset = size === null ? null : readSize(size);
  if (size !== null && streamOffset === null) {
    throw wrong(text, `the offset "${size}" is no number of bytes below 2^53, such as 4096, 0x1000 or 1M`);
  }
  if (!path.startsWith(FDSET)) return { kind: 'file', path: resolve(path), streamOffset };
  return { kind: 'fdset', set: readDescriptor(text, path.slice(FDSET.length)), streamOffset };
}

/** Descriptors and sets have numbers; `fd:NAME` exists only inside a monitor's connection. */
function readDescriptor(text: string, number: string): number {
  const value = /^\d{1,9}$/.test(number) ? Number(number) : null;
  if (value === null) throw wrong(text, `"${number}" is no number of a descriptor`);
  return value;
}

const wrong = (text: string, what: string): StillframeError =>
  fail('usage', DOING, what, 'Use file:PATH, file:PATH,offset=SIZE, fd:N or file:/dev/fdset/N.', {
    where: { field: text },
  });

/** Says that mapped-ram cannot go over a transport, why, and what can. Code `channel.not-seekable`. */
export function notSeekable(transport: string, why: string): StillframeError {
  return fail(
    'channel.not-seekable',
    DOING,
    `${why}, and mapped-ram writes and reads pages by their place in a file`,
    'Use file:PATH; a stream from a pipe or socket becomes a mapped-ram file by the ingest engine.',
    { where: { field: transport } },
  );
}
