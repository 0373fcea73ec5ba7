/** manifest.json: its schema, and reading it from a folder that anybody may have written. */
import { join } from 'node:path';
import { blockOffset, byteCount, guestPhysical } from '@shared/bytes/units';
import { fail } from '@shared/contracts/failure';
import type { Manifest } from '@shared/contracts/library';
import * as v from 'valibot';
import { readSmallFile } from '../files/small-file';

export const MANIFEST_FILE = 'manifest.json';
export const MEMORY_FILE = 'memory.mapped';
export const SCREEN_FILE = 'screen.png';
export const DIGESTS_FILE = 'digests.bin';

/** A manifest of a VM with hundreds of disks has about 100 KiB. */
const MAX_MANIFEST_BYTES = 4 * 1024 * 1024;
const MAX_ITEMS = 4096;
/** Each is opened and 64 KiB of it are read in a preflight, all at once. */
const MAX_DISKS = 256;

const text = v.pipe(v.string(), v.maxLength(64 * 1024));
const whole = v.pipe(v.number(), v.safeInteger(), v.minValue(0));
const milliseconds = v.pipe(v.number(), v.finite(), v.minValue(0));
const list = <const T extends v.GenericSchema>(item: T) => v.pipe(v.array(item), v.maxLength(MAX_ITEMS));

const recipe = v.object({
  name: text,
  program: text,
  argv: list(text),
  env: v.record(text, text),
  cwd: text,
});

const ramRange = v.object({
  block: text,
  blockOffset: v.pipe(whole, v.transform(blockOffset)),
  guestPhysical: v.pipe(whole, v.transform(guestPhysical)),
  length: v.pipe(whole, v.transform(byteCount)),
});

const disk = v.object({
  node: text,
  path: text,
  format: text,
  writable: v.boolean(),
  size: whole,
  mtimeMs: milliseconds,
  headerSha256: v.nullable(v.pipe(v.string(), v.regex(/^[0-9a-f]{64}$/))),
});

const block = v.object({
  name: text,
  usedLength: whole,
  pageSize: whole,
  pagesTotal: whole,
  pagesPresent: whole,
});

/** Manifests written before there were digests have no such field. */
const digests = v.object({
  algorithm: v.literal('xxh3-64'),
  unitBytes: v.pipe(whole, v.minValue(4096)),
  file: v.pipe(text, v.regex(/^[\w.-]+$/)),
});

const manifestSchema = v.object({
  formatVersion: v.literal(1),
  name: text,
  note: text,
  machineName: text,
  recipe: v.nullable(recipe),
  qemuVersion: text,
  machineType: text,
  accelerator: text,
  cpuModel: v.nullable(text),
  cpus: whole,
  memoryBytes: whole,
  savedAt: v.pipe(v.string(), v.isoTimestamp()),
  wasRunning: v.boolean(),
  engine: v.picklist(['native', 'channels', 'ingest']),
  digests: v.optional(v.nullable(digests), null),
  mode: v.picklist(['live', 'paused']),
  finishedPaused: v.nullable(text),
  channels: v.pipe(whole, v.minValue(1), v.maxValue(16)),
  directIo: v.boolean(),
  durable: v.boolean(),
  bytesWritten: whole,
  pagesWritten: whole,
  timings: v.object({
    totalMs: milliseconds,
    pausedMs: milliseconds,
    writingMs: milliseconds,
    flushingMs: milliseconds,
    sealingMs: milliseconds,
  }),
  memoryFileBytes: whole,
  blocks: list(block),
  ramMap: list(ramRange),
  disks: v.pipe(v.array(disk), v.maxLength(MAX_DISKS)),
});

const DOING = 'reading the manifest';
const WHAT_TO_DO = 'The memory file may still be whole: inspect it.';

/** Checks a manifest field by field. Throws `library.bad-manifest` that names the first bad field. */
export function parseManifest(json: string, path: string): Manifest {
  let value: unknown;
  try {
    value = JSON.parse(json);
  } catch (cause) {
    throw fail('library.bad-manifest', DOING, 'The manifest is not JSON', WHAT_TO_DO, { where: { path }, cause });
  }
  const version = v.safeParse(v.object({ formatVersion: v.number() }), value);
  if (version.success && version.output.formatVersion !== 1)
    throw fail(
      'library.bad-manifest',
      DOING,
      `Format version ${String(version.output.formatVersion)} is not known to this Stillframe, which knows 1`,
      'Open it with the Stillframe that wrote it.',
      { where: { path, field: 'formatVersion' } },
    );
  const parsed = v.safeParse(manifestSchema, value, { abortEarly: true });
  if (parsed.success) return parsed.output;
  const issue = parsed.issues[0];
  const field = v.getDotPath(issue);
  throw fail('library.bad-manifest', DOING, issue.message, WHAT_TO_DO, {
    where: { path, ...(field === null ? {} : { field }) },
  });
}

/** Reads and checks the manifest of a snapshot folder, at most 4 MiB of it. */
export async function readManifest(folder: string): Promise<Manifest> {
  const path = join(folder, MANIFEST_FILE);
  const json = await readSmallFile(path, MAX_MANIFEST_BYTES).catch((cause: unknown) => {
    throw fail('library.bad-manifest', DOING, 'There is no manifest', WHAT_TO_DO, { where: { path }, cause });
  });
  if (json === null)
    throw fail('library.bad-manifest', DOING, 'The manifest is no regular file of at most 4 MiB', WHAT_TO_DO, {
      where: { path },
    });
  return parseManifest(json, path);
}

/** The manifest as it is written: two spaces, so that people can read it too. */
export const manifestText = (manifest: Manifest): string => `${JSON.stringify(manifest, null, 2)}\n`;
