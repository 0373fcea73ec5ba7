import { StillframeError, type FailureCode } from '@shared/contracts/failure';
import { link, mkdtemp, open, rm } from 'node:fs/promises';
import { createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { QmpEvent } from '../services';
import { connectQmp, type QmpOptions } from './qmp';

const GREETING =
  '{"QMP": {"version": {"qemu": {"micro": 2, "minor": 0, "major": 10}, "package": ""}, "capabilities": []}}\r\n';

interface Command {
  readonly execute: string;
  readonly id: string;
}

let folder = '';
let server: Server | null = null;
const sockets = new Set<Socket>();

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'sf-qmp-'));
});
afterEach(async () => {
  for (const socket of sockets) socket.destroy();
  sockets.clear();
  await new Promise<void>((resolve) => (server === null ? resolve() : server.close(() => resolve())));
  server = null;
  await rm(folder, { recursive: true, force: true });
});

/** A peer that speaks over a real unix socket. `answer` gets every command after the negotiation. */
async function peer(
  answer: (command: Command, say: (text: string) => void, socket: Socket) => void,
  greeting: string | null = GREETING,
): Promise<string> {
  const path = join(folder, 'qmp.sock');
  server = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => undefined);
    const say = (text: string): void => void socket.write(text);
    if (greeting !== null) say(greeting);
    let held = '';
    socket.setEncoding('utf8').on('data', (chunk: string) => {
      const lines = (held + chunk).split('\n');
      held = lines.pop() ?? '';
      for (const line of lines) {
        const command = JSON.parse(line) as Command;
        if (command.execute === 'qmp_capabilities') say(`{"return": {}, "id": "${command.id}"}\r\n`);
        else answer(command, say, socket);
      }
    });
  });
  await new Promise<void>((resolve) => server?.listen(path, resolve));
  return path;
}

async function failureCode(work: Promise<unknown>): Promise<FailureCode | 'none'> {
  try {
    await work;
    return 'none';
  } catch (error) {
    if (error instanceof StillframeError) return error.failure.code;
    throw error;
  }
}

const reply = ({ id, execute }: Command): string => `{"return": {"of": "${execute}"}, "id": "${id}"}\r\n`;
const event = (name: string): string =>
  `{"event": "${name}", "data": {"n": 1}, "timestamp": {"seconds": 7, "microseconds": 250000}}\r\n`;

async function connect(path: string, options?: QmpOptions) {
  const qmp = await connectQmp(path, options);
  return Object.assign(qmp, { [Symbol.dispose]: () => qmp.close() });
}

describe('A QMP connection', () => {
  test('knows the version and the process of its peer', async () => {
    const qmp = await connect(await peer(() => undefined));
    expect(qmp.version).toBe('10.0.2');
    expect(qmp.pid).toBe(process.pid);
    qmp.close();
  });

  test('gives every command its own answer, also when they come in another order', async () => {
    const waiting: Command[] = [];
    const path = await peer((command, say) => {
      waiting.push(command);
      if (waiting.length === 5) for (const held of waiting.reverse()) say(reply(held));
    });
    const qmp = await connect(path);
    const answers = await Promise.all(['a', 'b', 'c', 'd', 'e'].map((name) => qmp.execute(name)));
    expect(answers).toEqual(['a', 'b', 'c', 'd', 'e'].map((of) => ({ of })));
    qmp.close();
  });

  test('reads events that stand before, between and inside a write of answers', async () => {
    const path = await peer((command, say) => say(event('STOP') + reply(command) + event('RESUME')));
    const qmp = await connect(path);
    const events: QmpEvent[] = [];
    qmp.onEvent((seen) => events.push(seen));
    await qmp.execute('a');
    await qmp.execute('b');
    await expect.poll(() => events.length).toBe(4);
    expect(events.map((seen) => seen.event)).toEqual(['STOP', 'RESUME', 'STOP', 'RESUME']);
    expect(events[0]).toEqual({ event: 'STOP', data: { n: 1 }, at: 7250 });
    qmp.close();
  });

  test.each([1, 2, 3, 7, 19])('puts lines together that arrive in pieces of %i bytes', async (size) => {
    const path = await peer((command, _say, socket) => {
      const bytes = Buffer.from(event('PÄUSE €') + reply(command));
      const send = (at: number): void => {
        if (at < bytes.length) socket.write(bytes.subarray(at, at + size), () => setImmediate(send, at + size));
      };
      send(0);
    });
    const qmp = await connect(path);
    const events: string[] = [];
    qmp.onEvent((seen) => events.push(seen.event));
    expect(await qmp.execute('piecemeal')).toEqual({ of: 'piecemeal' });
    expect(events).toEqual(['PÄUSE €']);
    qmp.close();
  });

  test('passes on what QEMU says when it refuses a command', async () => {
    const path = await peer(({ id }, say) =>
      say(`{"error": {"class": "GenericError", "desc": "No can do."}, "id": "${id}"}\n`),
    );
    const qmp = await connect(path);
    await expect(qmp.execute('x-thing')).rejects.toMatchObject({
      failure: { code: 'qemu.refused', what: 'No can do', where: { path, field: 'x-thing' } },
    });
    qmp.close();
  });

  test('takes an error without an id as the answer to the only command that waits', async () => {
    const path = await peer((_command, say) =>
      say('{"error": {"class": "GenericError", "desc": "Invalid JSON syntax"}}\n'),
    );
    const qmp = await connect(path);
    expect(await failureCode(qmp.execute('broken'))).toBe('qemu.refused');
    qmp.close();
  });

  test('gives up a command after its time limit and ignores the answer that comes later', async () => {
    const path = await peer((command, say) => {
      if (command.execute === 'slow') setTimeout(() => say(reply(command)), 80);
      else say(reply(command));
    });
    const qmp = await connect(path);
    expect(await failureCode(qmp.execute('slow', undefined, { timeoutMs: 20 }))).toBe('qemu.timeout');
    await new Promise((resolve) => setTimeout(resolve, 100));
    expect(await qmp.execute('quick')).toEqual({ of: 'quick' });
    qmp.close();
  });

  test('rejects what is pending and what comes after when the peer goes away', async () => {
    const path = await peer((command, _say, socket) => {
      if (command.execute === 'die') socket.destroy();
    });
    const qmp = await connect(path);
    const pending = ['one', 'two', 'die'].map((name) => failureCode(qmp.execute(name)));
    expect(await Promise.all(pending)).toEqual(['qemu.gone', 'qemu.gone', 'qemu.gone']);
    expect(await failureCode(qmp.execute('later'))).toBe('qemu.gone');
    expect((await qmp.closed).message).toContain('ended');
  });

  test('hears what a peer said last although it was being written to when the peer went', async () => {
    const path = await peer((command, say, socket) => {
      if (command.execute !== 'last') return;
      say(event('SHUTDOWN'));
      socket.destroy();
    });
    const qmp = await connect(path);
    const events: string[] = [];
    qmp.onEvent((seen) => events.push(seen.event));
    let writing = true;
    const writer = (async () => {
      while (writing) {
        qmp.execute('query').catch(() => undefined);
        await new Promise((resolve) => setImmediate(resolve));
      }
    })();
    expect(await failureCode(qmp.execute('last'))).toBe('qemu.gone');
    await qmp.closed;
    writing = false;
    await writer;
    expect(events).toEqual(['SHUTDOWN']);
  });

  test('rejects what is pending when it is closed', async () => {
    const qmp = await connect(await peer(() => undefined));
    const pending = failureCode(qmp.execute('waits'));
    qmp.close();
    expect(await pending).toBe('qemu.gone');
  });

  test('goes on when a listener lets itself be taken off by an event', async () => {
    const path = await peer((command, say) => say(event('STOP') + reply(command)));
    const qmp = await connect(path);
    let seen = 0;
    const stop = qmp.onEvent(() => {
      seen += 1;
      stop();
    });
    await qmp.execute('a');
    await qmp.execute('b');
    expect(seen).toBe(1);
    qmp.close();
  });

  test.each([
    ['text that is no JSON', 'hello there\n'],
    ['JSON that is no object', '[1, 2]\n'],
    ['an object that is neither answer nor event', '{"surprise": 1}\n'],
    ['bytes that are no UTF-8', Buffer.from([0xff, 0xfe, 0x00, 0x0a]).toString('latin1')],
  ])('ends with a clear error on %s', async (_name, garbage) => {
    const path = await peer((_command, say) => say(garbage));
    const qmp = await connect(path);
    expect(await failureCode(qmp.execute('anything'))).toBe('qemu.not-qmp');
    expect(await failureCode(qmp.execute('more'))).toBe('qemu.not-qmp');
  });

  test('takes an answer of 4 MiB and refuses a line without end, holding at most 16 MiB of it', async () => {
    const path = await peer(({ id, execute }, say, socket) => {
      if (execute === 'big') {
        say(`{"return": "${'x'.repeat(4 * 1024 * 1024)}", "id": "${id}"}\n`);
        return;
      }
      const pour = (): void => {
        if (socket.writable) socket.write('y'.repeat(1024 * 1024), pour);
      };
      pour();
    });
    const qmp = await connect(path);
    expect(await qmp.execute('big')).toHaveLength(4 * 1024 * 1024);
    const before = process.memoryUsage().arrayBuffers;
    expect(await failureCode(qmp.execute('endless'))).toBe('qemu.not-qmp');
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(64 * 1024 * 1024);
  });
});

describe('Descriptors', () => {
  test('go with a command that is larger than the socket’s buffer, in its place among others, to a peer that stops reading', async () => {
    const arrived: string[] = [];
    const path = await peer((command, say, socket) => {
      arrived.push(command.execute);
      say(reply(command));
      if (command.execute === 'first') {
        socket.pause();
        setTimeout(() => socket.resume(), 60);
      }
    });
    const file = await open(path.replace('qmp.sock', 'file'), 'w');
    try {
      const qmp = await connect(path);
      const filler = { text: 'x'.repeat(70_000) };
      const names = ['first', 'b', 'c', 'd', 'with-file', 'f', 'with-more', 'h'];
      const answers = await Promise.all(
        names.map((name) =>
          name.startsWith('with')
            ? qmp.execute(name, { text: 'y'.repeat(1024 * 1024) }, { fds: [file.fd, file.fd] })
            : qmp.execute(name, filler),
        ),
      );
      expect(answers).toEqual(names.map((of) => ({ of })));
      expect(arrived).toEqual(names);
      qmp.close();
    } finally {
      await file.close();
    }
  });

  test('that are not open are refused without ending the connection', async () => {
    const path = await peer((command, say) => say(reply(command)));
    const qmp = await connect(path);
    await expect(qmp.execute('add-fd', {}, { fds: [1_000_000] })).rejects.toThrow('EBADF');
    expect(await qmp.execute('after')).toEqual({ of: 'after' });
    qmp.close();
  });
});

describe('Connecting', () => {
  test.each([
    ['a server of another kind', 'SSH-2.0-OpenSSH_9.2\r\n', 'not JSON'],
    ['QEMU’s human monitor', 'QEMU 10.0.2 monitor - type "help" for more information\r\n', 'human monitor'],
    ['JSON without a greeting', '{"event": "STOP"}\n', 'no QMP greeting'],
    ['a greeting without a version', '{"QMP": {"version": {}, "capabilities": []}}\n', 'no QEMU version'],
    ['a greeting without a line end', 'z'.repeat(80_000), 'more than 65536 bytes'],
  ])('tells %s from QMP', async (_name, greeting, says) => {
    const path = await peer(() => undefined, greeting);
    await expect(connectQmp(path)).rejects.toMatchObject({
      failure: { code: 'qemu.not-qmp', what: expect.stringContaining(says) as string },
    });
  });

  test('tells a peer that accepts and says nothing, within the time allowed for a greeting', async () => {
    const path = await peer(() => undefined, null);
    const begin = performance.now();
    expect(await failureCode(connectQmp(path, { greetingMs: 100 }))).toBe('qemu.not-qmp');
    expect(performance.now() - begin).toBeLessThan(1_500);
  });

  test.each([
    ['a path without a file', 'nothing.sock', 'qemu.gone'],
    ['a path too long for a socket', 'x'.repeat(120), 'qemu.gone'],
    ['an empty path', '', 'qemu.gone'],
  ] as const)('says what is wrong with %s', async (_name, name, code) => {
    expect(await failureCode(connectQmp(name === '' ? '' : join(folder, name)))).toBe(code);
  });

  test('says that nobody listens on a socket that was left behind', async () => {
    const path = await peer(() => undefined);
    const left = join(folder, 'left.sock');
    await link(path, left);
    await new Promise<void>((resolve) => server?.close(() => resolve()));
    server = null;
    await expect(connectQmp(left)).rejects.toMatchObject({ failure: { what: 'Nobody listens on this socket' } });
  });
});
