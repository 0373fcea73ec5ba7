/** What travels over a QMP socket: lines of JSON (QEMU docs/interop/qmp-spec). The peer is not trusted. */
import { fail } from '@shared/contracts/failure';
import type { Json, QmpEvent } from '../services';

/** Longest line taken from a peer. QEMU's longest known answer (query-qmp-schema) has about 200 KB. */
export const MAX_LINE_BYTES = 16 * 1024 * 1024;

/**
 * Cuts a byte stream into lines without their line end. Bytes of an unfinished line are kept, at most `limit` of them;
 * a longer line throws `qemu.not-qmp`.
 */
export class LineSplitter {
  private parts: Buffer[] = [];
  private held = 0;

  constructor(
    private readonly path: string,
    private readonly limit = MAX_LINE_BYTES,
  ) {}

  push(chunk: Buffer): string[] {
    const lines: string[] = [];
    let from = 0;
    for (let end = chunk.indexOf(10); end >= 0; end = chunk.indexOf(10, from)) {
      this.hold(chunk.subarray(from, end));
      lines.push(Buffer.concat(this.parts, this.held).toString('utf8').trim());
      this.parts = [];
      this.held = 0;
      from = end + 1;
    }
    this.hold(chunk.subarray(from));
    return lines.filter((line) => line !== '');
  }

  private hold(bytes: Buffer): void {
    this.held += bytes.length;
    if (this.held > this.limit) throw notQmp(this.path, `it sent a line of more than ${String(this.limit)} bytes`);
    if (bytes.length > 0) this.parts.push(bytes);
  }
}

export type QmpMessage =
  | { readonly kind: 'greeting'; readonly version: string }
  | { readonly kind: 'return'; readonly id: string | null; readonly value: Json }
  | { readonly kind: 'error'; readonly id: string | null; readonly errorClass: string; readonly description: string }
  | { readonly kind: 'event'; readonly event: QmpEvent };

type JsonObject = Readonly<Record<string, Json | undefined>>;

/** The value as an object, or null when it is anything else. */
export function asObject(value: Json | undefined): JsonObject | null {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as JsonObject) : null;
}

/** The value as an array, empty when it is anything else. */
export function asArray(value: Json | undefined): readonly Json[] {
  return Array.isArray(value) ? (value as readonly Json[]) : [];
}

export function asString(value: Json | undefined): string | null {
  return typeof value === 'string' ? value : null;
}

/** The value as a whole number from 0 to 2^53 − 1, or null. */
export function asCount(value: Json | undefined): number | null {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0 ? value : null;
}

/** One line as a message; throws `qemu.not-qmp` for anything that QMP does not know. */
export function parseMessage(line: string, path: string): QmpMessage {
  const message = asObject(parseJson(line, path));
  if (message === null) throw notQmp(path, 'it sent JSON that is no object');
  const id = asString(message['id']);
  if (message['return'] !== undefined) return { kind: 'return', id, value: message['return'] };
  const error = asObject(message['error']);
  if (error !== null) {
    return {
      kind: 'error',
      id,
      errorClass: asString(error['class']) ?? 'GenericError',
      description: asString(error['desc']) ?? 'no description',
    };
  }
  const event = asString(message['event']);
  if (event !== null)
    return { kind: 'event', event: { event, data: asObject(message['data']) ?? {}, at: eventTime(message) } };
  const greeting = asObject(message['QMP']);
  if (greeting !== null) return { kind: 'greeting', version: versionOf(asObject(greeting['version']), path) };
  throw notQmp(path, 'it sent a message that is neither greeting, answer nor event');
}

function parseJson(line: string, path: string): Json {
  try {
    return JSON.parse(line) as Json;
  } catch {
    const human = /^QEMU [\d.]+ monitor/.test(line);
    throw notQmp(
      path,
      human ? 'this is QEMU’s human monitor' : `it sent “${printable(line.slice(0, 60))}”, which is not JSON`,
    );
  }
}

function eventTime(message: JsonObject): number {
  const timestamp = asObject(message['timestamp']);
  return (asCount(timestamp?.['seconds']) ?? 0) * 1000 + Math.floor((asCount(timestamp?.['microseconds']) ?? 0) / 1000);
}

function versionOf(version: JsonObject | null, path: string): string {
  const qemu = asObject(version?.['qemu']);
  const parts = [qemu?.['major'], qemu?.['minor'], qemu?.['micro']].map(asCount);
  if (parts.includes(null)) throw notQmp(path, 'its greeting names no QEMU version');
  return parts.join('.');
}

/** Text of a stranger, safe to show: control characters become `?`. */
export function printable(text: string): string {
  return text.replace(/\p{C}/gu, '?');
}

export function notQmp(path: string, why: string): Error {
  return fail(
    'qemu.not-qmp',
    'talking to QEMU',
    `This socket does not speak QMP: ${why}`,
    'Give QEMU a QMP socket with -qmp unix:PATH,server=on,wait=off and use that path.',
    { where: { path } },
  );
}
