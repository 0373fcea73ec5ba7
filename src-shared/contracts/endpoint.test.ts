import { Buffer } from 'node:buffer';
import { MessageChannel, type MessagePort } from 'node:worker_threads';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { fileOffset } from '../bytes/units';
import { connect, serve, type Connection, type MethodNames } from './endpoint';
import { domWire, electronWire, valueWire, type ElectronPort } from './endpoint-wires';
import { StillframeError, fail } from './failure';

interface Probe {
  add(a: number, b: number): Promise<number>;
  failTyped(): Promise<never>;
  failPlain(): Promise<never>;
  never(): Promise<never>;
  bytesAt(offset: number, length: number): Promise<{ readonly bytes: Uint8Array }>;
  lengthOfBuffer(view: Uint8Array): Promise<number>;
  unclonable(): Promise<unknown>;
  args(...given: unknown[]): Promise<number>;
}

const names: MethodNames<Probe> = {
  add: true,
  failTyped: true,
  failPlain: true,
  never: true,
  bytesAt: true,
  lengthOfBuffer: true,
  unclonable: true,
  args: true,
};

const memory = new Uint8Array(1 << 20).map((_, at) => at % 251);

class ProbeService implements Probe {
  secret = 'untouched';
  add = (a: number, b: number): Promise<number> => Promise.resolve(a + b);
  failTyped = (): Promise<never> =>
    Promise.reject(
      fail('format.bad-value', 'reading the header', 'the magic is 0x1', 'Verify shows what is intact.', {
        where: { path: 'memory.mapped', offset: fileOffset(0x83), field: 'magic' },
        detail: 'more',
        cause: new Error('below'),
      }),
    );
  failPlain = (): Promise<never> => Promise.reject(new TypeError('no such page'));
  never = (): Promise<never> => new Promise(() => undefined);
  bytesAt = (offset: number, length: number) => Promise.resolve({ bytes: memory.subarray(offset, offset + length) });
  lengthOfBuffer = (view: Uint8Array): Promise<number> => Promise.resolve(view.buffer.byteLength);
  unclonable = (): Promise<unknown> => Promise.resolve(() => 'a function cannot cross');
  args = (...given: unknown[]): Promise<number> => Promise.resolve(given.length);
  hidden(): Promise<string> {
    return Promise.resolve(this.secret);
  }
}

/** A Node port as Electron's ports look: `{ data }` events, and `postMessage(x, undefined)` throws. */
function asElectronPort(port: MessagePort): ElectronPort {
  const bound = new Map<unknown, (value: unknown) => void>();
  return {
    on(_event, listener) {
      const onValue = (data: unknown): void => listener({ data });
      bound.set(listener, onValue);
      port.on('message', onValue);
    },
    off(_event, listener) {
      const onValue = bound.get(listener);
      if (onValue) port.off('message', onValue);
    },
    postMessage(...args: [unknown, ...unknown[]]) {
      if (args.length > 1) throw new TypeError('Electron refuses an undefined transfer list');
      port.postMessage(args[0]);
    },
    start: () => port.start(),
    close: () => port.close(),
  };
}

const wires = {
  'worker_threads ports': valueWire,
  "ports with Electron's events": (port: MessagePort) => electronWire(asElectronPort(port)),
  'DOM ports': (port: MessagePort) => domWire(port as unknown as Parameters<typeof domWire>[0]),
} as const;

describe.each(Object.entries(wires))('a service on %s', (_name, wireOf) => {
  let channel: MessageChannel;
  let connection: Connection<Probe>;
  let service: ProbeService;

  beforeEach(() => {
    channel = new MessageChannel();
    service = new ProbeService();
    serve<Probe>(wireOf(channel.port1), service, names);
    connection = connect<Probe>(wireOf(channel.port2), names);
  });
  afterEach(() => {
    channel.port1.close();
    channel.port2.close();
  });

  it('answers calls, also many at once', async () => {
    expect(await connection.api.add(2, 3)).toBe(5);
    const sums = await Promise.all(Array.from({ length: 500 }, (_, at) => connection.api.add(at, 1)));
    expect(sums).toEqual(Array.from({ length: 500 }, (_, at) => at + 1));
  });

  it('carries a failure with its code, place, advice, detail and cause', async () => {
    const error = await connection.api.failTyped().catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(StillframeError);
    expect((error as StillframeError).failure).toMatchObject({
      code: 'format.bad-value',
      where: { path: 'memory.mapped', offset: 0x83, field: 'magic' },
      todo: 'Verify shows what is intact.',
      detail: 'more',
      cause: { code: 'internal', what: expect.stringContaining('below') as string },
    });
  });

  it('turns any other error into an internal failure', async () => {
    await expect(connection.api.failPlain()).rejects.toMatchObject({
      failure: { code: 'internal', what: expect.stringContaining('no such page') as string },
    });
  });

  it('rejects, and does not hang, when an answer cannot be cloned', async () => {
    await expect(connection.api.unclonable()).rejects.toBeInstanceOf(StillframeError);
  });

  it('sends 16 bytes of a large memory as 16 bytes, both ways', async () => {
    const { bytes } = await connection.api.bytesAt(4096, 16);
    expect([...bytes]).toEqual([...memory.subarray(4096, 4112)]);
    expect(bytes.buffer.byteLength).toBe(16);
    expect(await connection.api.lengthOfBuffer(memory.subarray(8, 40))).toBe(32);
    expect(await connection.api.lengthOfBuffer(Buffer.from('pooled'))).toBe(6);
  });

  it('rejects what waits and what comes later when the peer is told dead', async () => {
    const waiting = [connection.api.never(), connection.api.never()];
    const { failure } = fail('worker.died', 'inspecting', 'the worker ended', 'Open the file again.');
    connection.end(failure);
    for (const call of [...waiting, connection.api.add(1, 1)]) {
      await expect(call).rejects.toMatchObject({ failure: { code: 'worker.died', what: 'the worker ended' } });
    }
  });

  it('rejects what waits when it is closed', async () => {
    const waiting = connection.api.never();
    connection.close();
    await expect(waiting).rejects.toMatchObject({ failure: { code: 'worker.died' } });
  });

  it('has no method that is not in its list, on either side', async () => {
    expect('hidden' in connection.api).toBe(false);
    expect('then' in connection.api).toBe(false);
    const others = connect(wireOf(channel.port2), { ...names, hidden: true } as never) as unknown as Connection<{
      hidden(): Promise<string>;
    }>;
    await expect(others.api.hidden()).rejects.toMatchObject({ failure: { code: 'worker.refused' } });
  });
});

describe('the gate, against raw messages', () => {
  let channel: MessageChannel;
  let service: ProbeService;
  beforeEach(() => {
    channel = new MessageChannel();
    service = new ProbeService();
    serve<Probe>(valueWire(channel.port1), service, names);
  });
  afterEach(() => {
    channel.port1.close();
    channel.port2.close();
    delete (globalThis as { pwned?: unknown }).pwned;
  });

  /** Everything that comes back for a message and the good call sent after it; the good call's answer ends the wait. */
  const answersTo = (message: unknown): Promise<readonly unknown[]> =>
    new Promise((resolve) => {
      const seen: unknown[] = [];
      channel.port2.on('message', (answer: { id?: string }) => {
        if (answer.id === 'good') resolve(seen);
        else seen.push(answer);
      });
      channel.port2.postMessage(message);
      const argumentList = [1, 2].map((value) => ({ type: 'RAW', value }));
      channel.port2.postMessage({ id: 'good', type: 'APPLY', path: ['add'], argumentList });
    });

  const raw = (value: unknown) => ({ type: 'RAW', value });
  const code = 'globalThis.pwned = true; return 1';

  const refused: Record<string, unknown> = {
    'SET of a method': { id: 'x', type: 'SET', path: ['add'], value: raw(1) },
    'SET of __proto__': { id: 'x', type: 'SET', path: ['__proto__', 'add'], value: raw(1) },
    'SET of a new name': { id: 'x', type: 'SET', path: ['constructor', 'prototype', 'pwned'], value: raw(1) },
    'GET of a method': { id: 'x', type: 'GET', path: ['add'] },
    'GET of the whole': { id: 'x', type: 'GET', path: [] },
    'CONSTRUCT of Function': {
      id: 'x',
      type: 'CONSTRUCT',
      path: ['add', 'constructor'],
      argumentList: [raw(code)],
    },
    'CONSTRUCT of a method': { id: 'x', type: 'CONSTRUCT', path: ['add'], argumentList: [] },
    'APPLY of Function': { id: 'x', type: 'APPLY', path: ['add', 'constructor'], argumentList: [raw(code)] },
    'APPLY of call': { id: 'x', type: 'APPLY', path: ['add', 'call'], argumentList: [] },
    'APPLY of the whole': { id: 'x', type: 'APPLY', path: [], argumentList: [] },
    'APPLY without a path': { id: 'x', type: 'APPLY', argumentList: [] },
    'APPLY with a text as path': { id: 'x', type: 'APPLY', path: 'add', argumentList: [] },
    'APPLY with a list as name': { id: 'x', type: 'APPLY', path: [['add']], argumentList: [] },
    'APPLY of a method not in the list': { id: 'x', type: 'APPLY', path: ['hidden'], argumentList: [] },
    'APPLY of a field': { id: 'x', type: 'APPLY', path: ['secret'], argumentList: [] },
    'a port as argument': {
      id: 'x',
      type: 'APPLY',
      path: ['args'],
      argumentList: [{ type: 'HANDLER', name: 'proxy' }],
    },
    'a thrown argument': {
      id: 'x',
      type: 'APPLY',
      path: ['args'],
      argumentList: [{ type: 'HANDLER', name: 'throw', value: { isError: false, value: 1 } }],
    },
    'arguments that are no list': { id: 'x', type: 'APPLY', path: ['args'], argumentList: 'abc' },
    'arguments that are null': { id: 'x', type: 'APPLY', path: ['args'], argumentList: [null] },
    'seventeen arguments': { id: 'x', type: 'APPLY', path: ['args'], argumentList: Array(17).fill(raw(0)) },
    ENDPOINT: { id: 'x', type: 'ENDPOINT' },
    'an unknown kind': { id: 'x', type: 'EVAL', path: ['add'] },
    ...Object.fromEntries(
      [...Object.getOwnPropertyNames(Object.prototype), 'prototype', 'then', 'bind', ''].map((name) => [
        `APPLY of "${name}"`,
        { id: 'x', type: 'APPLY', path: [name], argumentList: [] },
      ]),
    ),
  };

  it.each(Object.entries(refused))('refuses %s and goes on serving', async (_name, message) => {
    const answers = await answersTo(message);
    expect(answers).toEqual([
      expect.objectContaining({
        id: 'x',
        type: 'HANDLER',
        name: 'throw',
        value: expect.objectContaining({ code: 'worker.refused' }) as unknown,
      }),
    ]);
    expect('pwned' in globalThis).toBe(false);
    expect('pwned' in {}).toBe(false);
    expect(service.secret).toBe('untouched');
  });

  const unanswered: Record<string, unknown> = {
    null: null,
    'a number': 7,
    'a text': 'APPLY',
    'no id': { type: 'APPLY', path: ['add'], argumentList: [] },
    'a number as id': { id: 7, type: 'APPLY', path: ['add'], argumentList: [] },
    'a huge id': { id: 'x'.repeat(1000), type: 'APPLY', path: ['add'], argumentList: [] },
    'no kind': { id: 'x', path: ['add'] },
    'an object as kind': { id: 'x', type: { toString: 'APPLY' }, path: ['add'] },
  };

  it.each(Object.entries(unanswered))('ignores %s and goes on serving', async (_name, message) => {
    expect(await answersTo(message)).toEqual([]);
  });

  it('stops serving after RELEASE', async () => {
    const answer = await new Promise((resolve) => {
      channel.port2.once('message', resolve);
      channel.port2.postMessage({ id: 'r', type: 'RELEASE' });
    });
    expect(answer).toMatchObject({ id: 'r' });
    let later = 0;
    channel.port2.on('message', () => (later += 1));
    channel.port2.postMessage({ id: 'x', type: 'APPLY', path: ['add'], argumentList: [raw(1), raw(2)] });
    await new Promise((resolve) => setTimeout(resolve, 100));
    expect(later).toBe(0);
  });
});

describe('the caller, against a hostile peer', () => {
  it('takes neither ports nor unknown handlers as an answer, and bounds what a failure says', async () => {
    const channel = new MessageChannel();
    try {
      const { api } = connect<Probe>(valueWire(channel.port2), names);
      channel.port1.on('message', ({ id }: { id: string }) => {
        channel.port1.postMessage({ id, type: 'HANDLER', name: 'proxy', value: 1 });
        channel.port1.postMessage({ id, type: 'HANDLER', name: 'other', value: 1 });
        const endless: Record<string, unknown> = { code: 'root.taken', what: 'x'.repeat(1 << 20), where: 'nowhere' };
        endless['cause'] = endless;
        channel.port1.postMessage({ id, type: 'HANDLER', name: 'throw', value: endless });
      });
      const error = (await api.add(1, 2).catch((thrown: unknown) => thrown)) as StillframeError;
      expect(error.failure).toMatchObject({ code: 'internal', where: {} });
      expect(error.failure.what).toHaveLength(65536);
      let depth = 0;
      for (let at = error.failure.cause; at !== undefined; at = at.cause) depth += 1;
      expect(depth).toBe(8);
    } finally {
      channel.port1.close();
    }
  });
});
