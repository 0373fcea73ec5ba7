/**
 * What each method of AppApi takes, checked at run time: the page is not trusted. The table and AppApi cannot drift apart:
 * a method that is missing, added or takes something else does not compile (`Drift`).
 */
import * as v from 'valibot';
import type { AppApi } from '@shared/contracts/app';
import { MOST_BOOKMARK_NAME, MOST_BOOKMARK_NOTE } from '@shared/contracts/bookmarks';
import type { SnapshotId } from '@shared/contracts/library';
import type { ConversionId } from '@shared/contracts/conversions';
import type { MachineId } from '@shared/contracts/machines';
import type { JobId } from '@shared/contracts/saves';

const text = (most: number) =>
  v.pipe(
    v.string(),
    v.maxLength(most),
    v.check((value) => !value.includes('\0'), 'NUL'),
  );
const filled = (most: number) => v.pipe(text(most), v.minLength(1));
const whole = (least: number, most: number) => v.pipe(v.number(), v.safeInteger(), v.minValue(least), v.maxValue(most));

/** Longest path Linux takes. */
const path = filled(4096);
const word = filled(255);
const machineId = v.pipe(
  word,
  v.transform((id) => id as MachineId),
);
const snapshotId = v.pipe(
  path,
  v.transform((id) => id as SnapshotId),
);
const jobId = v.pipe(
  word,
  v.transform((id) => id as JobId),
);
const conversionId = v.pipe(
  word,
  v.transform((id) => id as ConversionId),
);

const offset = whole(0, Number.MAX_SAFE_INTEGER);

const maxMemoryMiB = 16 * 1024 * 1024;

const recipe = v.strictObject({
  name: word,
  program: path,
  argv: v.pipe(v.array(text(128 * 1024)), v.maxLength(4096)),
  env: v.record(word, text(128 * 1024)),
  cwd: path,
});

const newMachine = v.variant('kind', [
  v.strictObject({ kind: v.literal('recipe'), recipe }),
  v.strictObject({
    kind: v.literal('command-line'),
    name: text(255),
    commandLine: filled(256 * 1024),
    cwd: v.nullable(path),
  }),
  v.strictObject({
    kind: v.literal('form'),
    form: v.strictObject({
      name: word,
      memoryMiB: whole(1, maxMemoryMiB),
      cpus: whole(1, 1024),
      accelerator: v.picklist(['tcg', 'kvm']),
      disk: v.nullable(path),
      cdrom: v.nullable(path),
    }),
  }),
  v.strictObject({
    kind: v.literal('demo'),
    memoryMiB: v.exactOptional(whole(1, maxMemoryMiB)),
    dirtyMiB: v.exactOptional(whole(0, maxMemoryMiB)),
    dirtyMiBPerSecond: v.exactOptional(whole(0, maxMemoryMiB)),
  }),
]);

const saveOptions = v.strictObject({
  machine: machineId,
  name: v.nullable(word),
  note: text(64 * 1024),
  mode: v.picklist(['live', 'paused']),
  channels: whole(1, 16),
  directIo: v.boolean(),
  after: v.picklist(['run', 'pause', 'quit']),
  engine: v.picklist(['auto', 'native', 'channels', 'ingest']),
  flush: v.picklist(['auto', 'none', 'end', 'ranged', 'direct']),
  releaseEarly: v.boolean(),
  liveLimitSeconds: v.pipe(v.number(), v.minValue(1), v.maxValue(7 * 24 * 3600)),
  rateLimit: v.nullable(whole(1, Number.MAX_SAFE_INTEGER)),
  out: v.nullable(path),
});

const bookmark = v.strictObject({
  id: filled(100),
  offset: whole(0, Number.MAX_SAFE_INTEGER),
  length: whole(1, Number.MAX_SAFE_INTEGER),
  name: text(MOST_BOOKMARK_NAME),
  note: text(MOST_BOOKMARK_NOTE),
});

const restoreOptions = v.strictObject({
  engine: v.picklist(['auto', 'native', 'channels', 'emit']),
  then: v.nullable(v.picklist(['run', 'pause'])),
  accepted: v.pipe(v.array(text(8192)), v.maxLength(1000)),
});

const conversionOptions = v.strictObject({
  source: v.union([v.strictObject({ path }), v.strictObject({ snapshot: path })]),
  to: v.picklist(['mapped-ram', 'stream', 'raw', 'bytes', 'elf', 'devices', 'report', 'report-json']),
  target: path,
  block: v.nullable(text(255)),
  range: v.nullable(v.strictObject({ start: offset, end: offset })),
});

const inspectTarget = v.union([v.strictObject({ path }), v.strictObject({ snapshot: path })]);

export const settingsSchema = v.strictObject({
  theme: v.picklist(['system', 'light', 'dark']),
  singleKeys: v.boolean(),
});

const nothing = v.strictTuple([]);

export const schemas = {
  machines: {
    list: nothing,
    add: v.strictTuple([newMachine]),
    start: v.strictTuple([machineId]),
    pause: v.strictTuple([machineId]),
    resume: v.strictTuple([machineId]),
    powerOff: v.strictTuple([machineId]),
    forget: v.strictTuple([machineId]),
    attach: v.strictTuple([path]),
    foreign: nothing,
  },
  saves: {
    outlook: v.strictTuple([machineId]),
    begin: v.strictTuple([saveOptions]),
    jobs: nothing,
    cancel: v.strictTuple([jobId]),
  },
  library: {
    overview: nothing,
    rename: v.strictTuple([snapshotId, word]),
    setNote: v.strictTuple([snapshotId, text(64 * 1024)]),
    moveToTrash: v.strictTuple([snapshotId]),
    reveal: v.strictTuple([snapshotId]),
    importFile: v.strictTuple([path]),
  },
  restores: {
    preflight: v.strictTuple([snapshotId]),
    restore: v.strictTuple([snapshotId, restoreOptions]),
  },
  conversions: {
    begin: v.strictTuple([conversionOptions]),
    jobs: nothing,
    cancel: v.strictTuple([conversionId]),
  },
  inspector: {
    open: v.strictTuple([inspectTarget]),
    introduce: v.strictTuple([word, word]),
    close: v.strictTuple([word]),
  },
  bookmarks: {
    list: v.strictTuple([path]),
    keep: v.strictTuple([path, bookmark]),
    remove: v.strictTuple([path, filled(100)]),
  },
  shell: {
    about: nothing,
    settings: nothing,
    setSettings: v.strictTuple([settingsSchema]),
    chooseFile: v.strictTuple([v.picklist(['inspect', 'import', 'convert', 'disk', 'cdrom', 'qmp-socket'])]),
    chooseTarget: v.strictTuple([word]),
    // A MiB of bytes as a C array has 6.4 million letters.
    copyText: v.strictTuple([text(8 * 1024 * 1024)]),
  },
} satisfies Table;

// --- the tie to AppApi ---------------------------------------------------------------------------------------------

type Arguments<Method> = Method extends (...args: infer Args) => Promise<unknown> ? Args : never;

type Table = {
  [Service in keyof AppApi]: {
    [Method in keyof AppApi[Service]]: v.GenericSchema<unknown, Arguments<AppApi[Service][Method]>>;
  };
};

/** A type whose optional properties show as `'optional'`, so that two types differ in them when one lacks them. */
type Shape<T> = T extends string | number | boolean | null | undefined
  ? T
  : { readonly [K in keyof T]-?: Shape<T[K]> | (Partial<Pick<T, K>> extends Pick<T, K> ? 'optional' : never) };

/** A list of arguments as an object, which drops the names that a method gives to them. */
type Positions<Args> = { readonly [At in Extract<keyof Args, `${number}`>]: Shape<Args[At]> };

type Same<A, B> = [A, B] extends [B, A] ? true : false;

/** `service.method` of every schema that accepts something else than the method takes. */
type Different = {
  [Service in keyof AppApi]: {
    [Method in keyof AppApi[Service] & keyof (typeof schemas)[Service]]: (typeof schemas)[Service][Method] extends {
      readonly '~types'?: { readonly output: infer Output } | undefined;
    }
      ? Same<Positions<Output>, Positions<Arguments<AppApi[Service][Method]>>> extends true
        ? never
        : `${Service}.${Extract<Method, string>}`
      : never;
  }[keyof AppApi[Service] & keyof (typeof schemas)[Service]];
}[keyof AppApi];

type MustBeNever<T extends never> = T;
export type Drift = MustBeNever<Different>;
