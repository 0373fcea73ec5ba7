/**
 * Calls across a message port: `serve` on one side, `connect` on the other, comlink in between. Served methods take and
 * return plain data; there are no callbacks, since a utility process cannot make channels for them.
 */
import { expose, wrap, type Endpoint } from 'comlink';
import { judge, type Verdict } from './endpoint-gate';
import { useFailureWireForm } from './endpoint-failure';
import type { Wire } from './endpoint-wires';
import { StillframeError, fail, type Failure } from './failure';

/** Objects that can be served: methods that return promises, and nothing else. */
export type Servable<Api> = { readonly [Name in keyof Api]: (...args: never[]) => Promise<unknown> };

/** Names every method of an interface exactly once; a missing or a wrong name does not compile. */
export type MethodNames<Api> = Readonly<Record<keyof Api, true>>;

/** How a connection ends: by `close`, or by the peer's death, of which somebody outside has to tell. */
export interface Connection<Api> {
  readonly api: Api;
  /** Rejects every call that waits, and every later one, with this failure. The first end counts. */
  end(failure: Failure): void;
  /** Ends and closes the port. */
  close(): void;
}

type Listener = (event: { readonly data: unknown }) => void;

/**
 * A comlink endpoint over a wire, which hears only what `admit` lets through. comlink listens with functions only, and of
 * the DOM event that its types name it reads nothing but `data`.
 */
function endpointOver(wire: Wire, admit: (message: unknown) => unknown): Endpoint {
  const stops = new Map<unknown, () => void>();
  return {
    postMessage: (message: unknown) => wire.send(message),
    addEventListener(_type: string, listener: unknown) {
      const stop = wire.listen((message) => {
        const data = admit(message);
        if (data !== null) (listener as Listener)({ data });
      });
      stops.set(listener, stop);
    },
    removeEventListener(_type: string, listener: unknown) {
      stops.get(listener)?.();
      stops.delete(listener);
    },
  };
}

/**
 * Serves `api` on a port. Only the methods in `names` can be called, with plain data; everything else is refused with
 * `worker.refused`. What a method throws reaches the caller as a StillframeError.
 */
export function serve<Api extends Servable<Api>>(wire: Wire, api: Api, names: MethodNames<Api>): void {
  useFailureWireForm();
  const table = Object.create(null) as Record<string, (...args: never[]) => Promise<unknown>>;
  for (const name of Object.keys(names) as (keyof Api & string)[]) {
    const method: (...args: never[]) => Promise<unknown> = api[name];
    table[name] = method.bind(api);
  }
  const allowed = new Set(Object.keys(table));
  expose(
    table,
    endpointOver(wire, (message) => messageFor(judge(message, allowed), wire)),
  );
}

/** What comlink gets to see of a judged message; a refusal is answered here. */
function messageFor(verdict: Verdict, wire: Wire): unknown {
  switch (verdict.kind) {
    case 'call':
      return verdict.call;
    case 'release':
      return { type: 'RELEASE', id: verdict.id };
    case 'refused':
      wire.send({ id: verdict.id, type: 'HANDLER', name: 'throw', value: verdict.failure });
      return null;
    case 'ignored':
      return null;
  }
}

/** Answers are a plain value or something thrown; a peer cannot hand in anything else. */
function admitAnswer(message: unknown): unknown {
  if (typeof message !== 'object' || message === null || !('type' in message)) return null;
  const thrown = message.type === 'HANDLER' && 'name' in message && message.name === 'throw';
  return message.type === 'RAW' || thrown ? message : null;
}

/**
 * Calls what is served at the other end of a port. comlink's promises never settle when the peer dies, so whoever learns
 * of that death calls `end`.
 */
export function connect<Api extends Servable<Api>>(wire: Wire, names: MethodNames<Api>): Connection<Api> {
  useFailureWireForm();
  const remote = wrap(endpointOver(wire, admitAnswer)) as unknown as Record<string, (...args: unknown[]) => unknown>;
  const waiting = new Set<(error: StillframeError) => void>();
  let ended: Failure | null = null;

  const call = (name: string, args: readonly unknown[]): Promise<unknown> =>
    new Promise((resolve, reject) => {
      if (ended !== null) {
        reject(new StillframeError(ended));
        return;
      }
      waiting.add(reject);
      const settle = (): boolean => waiting.delete(reject);
      Promise.resolve(remote[name]?.(...args)).then(
        (value) => {
          settle();
          resolve(value);
        },
        (error: unknown) => {
          settle();
          reject(error instanceof Error ? error : new Error(String(error)));
        },
      );
    });

  const api = Object.create(null) as Record<string, (...args: unknown[]) => Promise<unknown>>;
  for (const name of Object.keys(names)) api[name] = (...args) => call(name, args);

  const end = (failure: Failure): void => {
    if (ended !== null) return;
    ended = failure;
    for (const reject of waiting) reject(new StillframeError(failure));
    waiting.clear();
  };
  const close = (): void => {
    end(fail('worker.died', 'calling a worker', 'the connection was closed', 'Open it again.').failure);
    wire.close();
  };
  return { api: api as unknown as Api, end, close };
}
