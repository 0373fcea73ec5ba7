import { describe, expect, it } from 'vitest';
import { parseTransport, type Transport } from './transport';

const MIB = 1024 * 1024;
const cwd = process.cwd();
const file = (path: string, streamOffset: number | null = null): Transport => ({ kind: 'file', path, streamOffset });
const fdset = (set: number, streamOffset: number | null = null): Transport => ({ kind: 'fdset', set, streamOffset });

describe('a transport with places', () => {
  it.each<[string, Transport]>([
    ['file:/a/b', file('/a/b')],
    ['file:b', file(`${cwd}/b`)],
    ['file:/a b:c', file('/a b:c')],
    ['file:/a,b', file('/a,b')],
    ['file:/a,offset=0', file('/a', 0)],
    ['file:/a,offset=4096', file('/a', 4096)],
    ['file:/a,offset=0x1000', file('/a', 4096)],
    ['file:/a,offset=80M', file('/a', 80 * MIB)],
    ['file:/a,offset=1.5k', file('/a', 1536)],
    ['file:/a,offset=1T', file('/a', MIB * MIB)],
    ['file:/a,offset=9007199254740991', file('/a', Number.MAX_SAFE_INTEGER)],
    ['fd:0', { kind: 'fd', fd: 0, streamOffset: null }],
    ['fd:17', { kind: 'fd', fd: 17, streamOffset: null }],
    ['file:/dev/fdset/3', fdset(3)],
    ['/dev/fdset/3', fdset(3)],
    ['file:/dev/fdset/12,offset=1M', fdset(12, MIB)],
    ['/dev/fdset/12,offset=1M', fdset(12, MIB)],
  ])('%s', (text, transport) => {
    expect(parseTransport(text)).toEqual(transport);
  });
});

describe('a transport without places is refused by its name', () => {
  it.each([
    ['tcp:host:4444', 'tcp:', 'tcp: is a network connection'],
    ['tcp::4444', 'tcp:', 'tcp: is a network connection'],
    ['unix:/run/x.sock', 'unix:', 'unix: is a socket'],
    ['vsock:2:99', 'vsock:', 'vsock: is a socket'],
    ['exec:gzip > /x', 'exec:', 'exec: is the pipe of a program'],
    ['rdma:host:1', 'rdma:', 'rdma: is a network connection'],
  ])('%s', (text, field, reason) => {
    expect(() => parseTransport(text)).toThrow(
      expect.objectContaining({
        failure: {
          code: 'channel.not-seekable',
          doing: 'reading where to write or read',
          what: `${reason}, and mapped-ram writes and reads pages by their place in a file`,
          where: { field },
          todo: 'Use file:PATH; a stream from a pipe or socket becomes a mapped-ram file by the ingest engine.',
        },
      }),
    );
  });
});

describe('what is no transport is refused with what is wrong', () => {
  it.each([
    ['', '"" names no transport'],
    ['/a/b', '"/a/b" names no transport'],
    ['http://host', 'there is no transport "http:"'],
    ['file:', 'there is no path'],
    ['file:,offset=1', 'there is no path'],
    ['file:/a,offset=', 'the offset "" is no number of bytes'],
    ['file:/a,offset=-1', 'the offset "-1" is no number of bytes'],
    ['file:/a,offset=1,offset=2', 'the offset "1,offset=2" is no number of bytes'],
    ['file:/a,offset=9007199254740992', 'is no number of bytes below 2^53'],
    ['file:/a,offset=1X', 'the offset "1X" is no number of bytes'],
    ['fd:', '"" is no number of a descriptor'],
    ['fd:migrate', '"migrate" is no number of a descriptor'],
    ['fd:-1', '"-1" is no number of a descriptor'],
    ['file:/dev/fdset/x', '"x" is no number of a descriptor'],
    ['/dev/fdset/', '"" is no number of a descriptor'],
  ])('%s', (text, what) => {
    expect(() => parseTransport(text)).toThrow(
      expect.objectContaining({
        failure: expect.objectContaining({
          code: 'usage',
          what: expect.stringContaining(what) as string,
          where: { field: text },
        }) as unknown,
      }),
    );
  });
});
