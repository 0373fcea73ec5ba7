/**
 * QEMU's migration as QMP shows it: capabilities, parameters, state. Answers are checked; fields that one version has and
 * another has not are optional.
 */
import type { Json, Qmp } from '../services';
import { fail, failureOf } from '@shared/contracts/failure';
import * as v from 'valibot';
import { pause } from '../time/time-limit';

const count = v.optional(v.pipe(v.number(), v.minValue(0)), 0);

const migrationSchema = v.object({
  status: v.optional(v.string(), 'none'),
  'error-desc': v.optional(v.string()),
  'blocked-reasons': v.optional(v.array(v.string()), []),
  downtime: v.optional(v.number()),
  ram: v.optional(
    v.object({
      transferred: count,
      remaining: count,
      total: count,
      duplicate: count,
      normal: count,
      'page-size': v.optional(v.pipe(v.number(), v.minValue(1)), 4096),
      'dirty-sync-count': count,
      'dirty-pages-rate': count,
    }),
  ),
});

/** `query-migrate`, as far as it is used here. Counts of bytes and pages since the migration began. */
export type Migration = v.InferOutput<typeof migrationSchema>;

const statusSchema = v.object({ status: v.string(), running: v.boolean() });
export type RunState = v.InferOutput<typeof statusSchema>;

/** An answer of QEMU that is not what its documentation says. */
function odd(command: string): Error {
  return fail(
    'qemu.refused',
    `asking QEMU (${command})`,
    `QEMU's answer to ${command} has an unexpected form`,
    'Report this with the version of QEMU.',
  );
}

/** Asks and checks the answer against a schema. */
export async function ask<T extends v.GenericSchema>(
  qmp: Qmp,
  command: string,
  schema: T,
  args?: Readonly<Record<string, Json | undefined>>,
  options?: { readonly timeoutMs: number },
): Promise<v.InferOutput<T>> {
  const parsed = v.safeParse(schema, await qmp.execute(command, args, options));
  if (!parsed.success) throw odd(command);
  return parsed.output;
}

/** `timeoutMs` where QEMU may not answer for longer than usual: while it loads. */
export const queryMigration = (qmp: Qmp, timeoutMs?: number): Promise<Migration> =>
  ask(qmp, 'query-migrate', migrationSchema, undefined, timeoutMs === undefined ? undefined : { timeoutMs });
export const queryRunState = (qmp: Qmp): Promise<RunState> => ask(qmp, 'query-status', statusSchema);

/** States in which no migration is under way (qapi/migration.json, MigrationStatus). */
const AT_REST: ReadonlySet<string> = new Set(['none', 'completed', 'failed', 'cancelled']);
export const isAtRest = (migration: Migration): boolean => AT_REST.has(migration.status);

export type Capabilities = ReadonlyMap<string, boolean>;
export type Parameters = Readonly<Record<string, Json | undefined>>;

export async function queryCapabilities(qmp: Qmp): Promise<Capabilities> {
  const schema = v.array(v.object({ capability: v.string(), state: v.boolean() }));
  const answer = await ask(qmp, 'query-migrate-capabilities', schema);
  return new Map(answer.map(({ capability, state }) => [capability, state]));
}

export async function queryParameters(qmp: Qmp): Promise<Parameters> {
  const answer = await ask(qmp, 'query-migrate-parameters', v.record(v.string(), v.unknown()));
  return answer as Parameters;
}

/** Sets capabilities in one command: QEMU checks the outcome, not each step. */
export async function setCapabilities(qmp: Qmp, wanted: Capabilities): Promise<void> {
  if (wanted.size === 0) return;
  const capabilities = [...wanted].map(([capability, state]) => ({ capability, state }));
  await qmp.execute('migrate-set-capabilities', { capabilities });
}

export async function setParameters(qmp: Qmp, wanted: Parameters): Promise<void> {
  if (Object.keys(wanted).length > 0) await qmp.execute('migrate-set-parameters', wanted);
}

/** The part of `now` that has to be set to get `wanted`; capabilities that this QEMU does not have are left out. */
export function capabilityChanges(now: Capabilities, wanted: Capabilities): Capabilities {
  return new Map([...wanted].filter(([name, state]) => now.has(name) && now.get(name) !== state));
}

export function parameterChanges(now: Parameters, wanted: Parameters): Parameters {
  return Object.fromEntries(Object.entries(wanted).filter(([name, value]) => name in now && now[name] !== value));
}

const yankSchema = v.array(v.object({ type: v.string() }));

/** QEMU before 6.0 has no yank: there the state of the migration is all there is to see. */
async function hasMigrationToYank(qmp: Qmp): Promise<boolean> {
  try {
    return (await ask(qmp, 'query-yank', yankSchema)).some(({ type }) => type === 'migration');
  } catch (error) {
    if (failureOf(error, '').detail?.startsWith('CommandNotFound') === true) return false;
    throw error;
  }
}

/**
 * Waits until QEMU has taken its migration down, and answers how it ended.
 *
 * `completed` and `failed` are announced while the channel threads still run; the capabilities decide how those are ended,
 * so putting them back too early would derail QEMU. The migration's yank instance goes last (migration_cleanup in
 * migration/migration.c), so its absence is the sign. Rejects with `qemu.timeout` when it takes longer than `limitMs`,
 * e.g. because the file system hangs.
 */
export async function settled(qmp: Qmp, limitMs: number): Promise<Migration> {
  const start = performance.now();
  for (let wait = 2; ; wait = Math.min(wait * 2, 50)) {
    const migration = await queryMigration(qmp);
    if (isAtRest(migration) && !(await hasMigrationToYank(qmp))) return migration;
    if (performance.now() - start > limitMs)
      throw fail(
        'qemu.timeout',
        'waiting for the end of the migration',
        `QEMU has not ended the migration (${migration.status}) within ${String(Math.round(limitMs / 1000))} s`,
        'The file system it writes to may hang. The VM may be usable again when that answers.',
      );
    await pause(wait);
  }
}
