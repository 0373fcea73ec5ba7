import { hex, type FileOffset } from '../bytes/units';

/**
 * What went wrong, as a word a program can act on. The part before the dot is the room that noticed it.
 * `format.*` never means that bytes were lost by us: it says what a file is.
 */
export const failureCodes = [
  'format.not-a-stream',
  'format.truncated',
  'format.bad-value',
  'format.unsupported',
  'format.overlap',
  'file.not-found',
  'file.no-access',
  'file.not-a-file',
  'file.changed',
  'file.exists',
  'file.no-space',
  'file.io',
  'qemu.not-found',
  'qemu.too-old',
  'qemu.did-not-start',
  'qemu.gone',
  'qemu.refused',
  'qemu.timeout',
  'qemu.monitor-busy',
  'qemu.not-qmp',
  'machine.unknown',
  'machine.wrong-state',
  'machine.bad-recipe',
  'save.blocked',
  'save.failed',
  'save.cancelled',
  'save.incomplete',
  'restore.preflight',
  'restore.failed',
  'library.unknown',
  'library.bad-manifest',
  'library.name-taken',
  'library.bad-name',
  'convert.cancelled',
  'channel.not-seekable',
  'worker.died',
  'worker.refused',
  'app.refused',
  'usage',
  'internal',
] as const;

export type FailureCode = (typeof failureCodes)[number];

/** The place a failure is about: any part of it may be unknown. */
export interface Place {
  readonly path?: string;
  readonly offset?: FileOffset;
  readonly field?: string;
}

/**
 * The one error shape. Plain data, so it crosses processes, ports and JSON unchanged; the UI and the CLI print
 * the same sentence of it (`sentenceOf`).
 */
export interface Failure {
  readonly code: FailureCode;
  /** What was being done, as a phrase: "opening the snapshot". */
  readonly doing: string;
  /** What is wrong, as a sentence without its full stop. */
  readonly what: string;
  readonly where: Place;
  /** What the person can do next, as a sentence with its full stop. */
  readonly todo: string;
  /** Longer material, e.g. what QEMU wrote to stderr. */
  readonly detail?: string;
  readonly cause?: Failure;
}

/** The thrown form of a Failure. */
export class StillframeError extends Error {
  override readonly name = 'StillframeError';
  readonly failure: Failure;

  constructor(failure: Failure, options?: { cause?: unknown }) {
    super(sentenceOf(failure), options);
    this.failure = failure;
  }
}

/** "memory.mapped, offset 0x83, pages offset: 0x100001 is not a multiple of 4096. Verify shows what is intact." */
export function sentenceOf(failure: Failure): string {
  const { path, offset, field } = failure.where;
  const place = [path, offset === undefined ? undefined : `offset ${hex(offset)}`, field]
    .filter((part) => part !== undefined)
    .join(', ');
  return `${place ? `${place}: ` : ''}${failure.what}. ${failure.todo}`.trim();
}

/** Any thrown thing as a Failure; `doing` says what was under way when it is not one of ours. */
export function failureOf(error: unknown, doing: string): Failure {
  if (error instanceof StillframeError) return error.failure;
  const what = error instanceof Error ? error.message : String(error);
  return {
    code: 'internal',
    doing,
    what: `${doing}: ${what}`,
    where: {},
    todo: 'Report this with the details.',
    ...(error instanceof Error && error.stack !== undefined ? { detail: error.stack } : {}),
  };
}

/** Shorthand for the common case: `throw fail('file.no-space', …)`. */
export function fail(
  code: FailureCode,
  doing: string,
  what: string,
  todo: string,
  more: { where?: Place; detail?: string; cause?: unknown } = {},
): StillframeError {
  return new StillframeError(
    {
      code,
      doing,
      what,
      where: more.where ?? {},
      todo,
      ...(more.detail === undefined ? {} : { detail: more.detail }),
      ...(more.cause === undefined ? {} : { cause: failureOf(more.cause, doing) }),
    },
    more.cause === undefined ? undefined : { cause: more.cause },
  );
}
