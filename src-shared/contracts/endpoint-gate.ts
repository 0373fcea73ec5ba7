/**
 * What a served object accepts. comlink's `expose` follows any path and any kind of message: a raw SET or CONSTRUCT
 * reached `constructor.prototype` and ran code. So messages are rebuilt here out of the few things that are allowed, and
 * comlink never sees another one.
 */
import { fail, type Failure } from './failure';

const maxIdLength = 128;
const maxArguments = 16;

interface RawValue {
  readonly type: 'RAW';
  readonly value: unknown;
}

/** A call of one method of the served object. */
export interface Call {
  readonly type: 'APPLY';
  readonly id: string;
  readonly path: readonly [string];
  readonly argumentList: readonly RawValue[];
}

export type Verdict =
  | { readonly kind: 'call'; readonly call: Call }
  /** The peer lets go of the object. */
  | { readonly kind: 'release'; readonly id: string }
  /** Not allowed; the peer is told. */
  | { readonly kind: 'refused'; readonly id: string; readonly failure: Failure }
  /** No call at all, or one that cannot even be answered. */
  | { readonly kind: 'ignored' };

const isRecord = (value: unknown): value is Record<string, unknown> => typeof value === 'object' && value !== null;

const isRaw = (value: unknown): value is RawValue => isRecord(value) && value['type'] === 'RAW';

/** Judges one incoming message; `allowed` holds the names of the methods that may be called. */
export function judge(message: unknown, allowed: ReadonlySet<string>): Verdict {
  if (!isRecord(message)) return { kind: 'ignored' };
  const { id, type, path } = message;
  if (typeof id !== 'string' || id === '' || id.length > maxIdLength || typeof type !== 'string') {
    return { kind: 'ignored' };
  }
  if (type === 'RELEASE') return { kind: 'release', id };
  if (type !== 'APPLY') return refused(id, `a message of kind ${type.slice(0, 20)} is not a call`);
  if (!Array.isArray(path) || path.length !== 1) return refused(id, 'the path of a call is one name');
  const steps: readonly unknown[] = path;
  const [name] = steps;
  if (typeof name !== 'string' || !allowed.has(name)) return refused(id, `there is no method ${label(name)}`);
  const given: unknown = message['argumentList'] ?? [];
  if (!Array.isArray(given) || given.length > maxArguments) return refused(id, `the arguments of ${name} are no list`);
  const items: readonly unknown[] = given;
  if (!items.every(isRaw)) return refused(id, `an argument of ${name} is not plain data`);
  const argumentList = items.map(({ value }) => ({ type: 'RAW', value }) as const);
  return { kind: 'call', call: { type: 'APPLY', id, path: [name], argumentList } };
}

function refused(id: string, what: string): Verdict {
  const { failure } = fail('worker.refused', 'taking a call', what, 'Report this; it is a fault in Stillframe.');
  return { kind: 'refused', id, failure };
}

const label = (name: unknown): string => (typeof name === 'string' ? `"${name.slice(0, 40)}"` : `(${typeof name})`);
