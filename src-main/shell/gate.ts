/** The gate of the calls from the page: who asks, what is asked for, and with what. No electron, so that it is tested alone. */
import * as v from 'valibot';
import type { AppApi, Reply } from '@shared/contracts/app';
import { fail, failureOf, type StillframeError } from '@shared/contracts/failure';
import { schemas } from './schemas';

/** The frame that a message came from, as far as it matters. */
export interface Sender {
  readonly origin: string;
  /** Whether it is the top frame of the one window. */
  readonly isPage: boolean;
}

/** Answers a call from the page, or says why not. Never rejects. */
export async function answerCall(
  api: AppApi,
  pageOrigin: string,
  sender: Sender,
  [service, method, args]: readonly unknown[],
): Promise<Reply> {
  try {
    if (!isTrusted(sender, pageOrigin)) throw refused('this frame may not call');
    const call = methodOf(api, service, method);
    return { ok: true, value: await call.run(checked(call.schema, call.name, args)) };
  } catch (error) {
    return { ok: false, failure: failureOf(error, `answering ${String(service).slice(0, 40)}`) };
  }
}

export const isTrusted = (sender: Sender, pageOrigin: string): boolean => sender.isPage && sender.origin === pageOrigin;

interface Method {
  readonly name: string;
  readonly schema: v.GenericSchema<unknown, unknown[]>;
  run(args: readonly unknown[]): Promise<unknown>;
}

type Tables = Readonly<Record<string, Readonly<Record<string, Method['schema']>>>>;

function methodOf(api: AppApi, service: unknown, method: unknown): Method {
  const tables: Tables = schemas;
  const table = typeof service === 'string' && Object.hasOwn(tables, service) ? tables[service] : undefined;
  const schema = typeof method === 'string' && table && Object.hasOwn(table, method) ? table[method] : undefined;
  if (!schema) throw refused(`there is no method ${label(service)}.${label(method)}`);
  // The names are keys of `schemas`, whose keys are those of AppApi: both steps are there.
  const target = api[service as keyof AppApi] as unknown as Readonly<
    Record<string, (...args: readonly unknown[]) => Promise<unknown>>
  >;
  const name = method as string;
  return { name: `${service as string}.${name}`, schema, run: async (args) => target[name]?.(...args) };
}

function checked(schema: Method['schema'], name: string, args: unknown): readonly unknown[] {
  const result = v.safeParse(schema, args, { abortEarly: true });
  if (result.success) return result.output;
  const [issue] = result.issues;
  const place = v.getDotPath(issue);
  throw refused(`${name} does not take these arguments: ${place === null ? '' : `${place}: `}${issue.message}`);
}

const refused = (what: string): StillframeError =>
  fail('app.refused', 'taking a call from the page', what.slice(0, 500), 'Report this; it is a fault in Stillframe.');

const label = (name: unknown): string => (typeof name === 'string' ? name.slice(0, 40) : `(${typeof name})`);
