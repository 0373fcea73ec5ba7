/** QEMU's own ways of saving to a file, as its mapped-ram series compares them. */
import { open, statfs } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { PlainQemu } from '../../support/plain-qemu';
import { sizeOf } from './bounds';
import type { Bench, Mode, Run } from './types';

export const CHANNELS = 4;
const POLL_MS = 10;
const CANCEL_LIMIT_MS = 30_000;

/** One of QEMU's ways. */
export interface Way {
  readonly name: string;
  /** Capabilities that are on; every other one is off. */
  readonly on: readonly string[];
  readonly directIo: boolean;
}

const WAYS: readonly Way[] = [
  { name: 'file:', on: [], directIo: false },
  { name: 'file: + background-snapshot', on: ['background-snapshot'], directIo: false },
  { name: 'mapped-ram', on: ['mapped-ram'], directIo: false },
  { name: 'mapped-ram + multifd', on: ['mapped-ram', 'multifd'], directIo: false },
  { name: 'mapped-ram + multifd + direct-io', on: ['mapped-ram', 'multifd'], directIo: true },
];

/** Each way with the guest running and with the guest stopped. Afterwards the file is flushed by us, as libvirt does. */
export const qemuModes: readonly Mode[] = WAYS.flatMap((way) =>
  [false, true].map((live) => ({
    name: way.name,
    who: 'QEMU' as const,
    live,
    flush: way.directIo ? 'direct' : 'end',
    run: (bench: Bench) => run(way, live, bench),
  })),
);

interface Migration {
  readonly status?: string;
  readonly 'error-desc'?: string;
  /** Milliseconds. */
  readonly downtime?: number;
  readonly ram?: { readonly normal: number; readonly transferred: number };
}

async function run(way: Way, live: boolean, { vm, folder, limitMs, bounds }: Bench): Promise<Run> {
  const { qemu, prober } = vm;
  const file = join(folder, 'saved');
  await qemu.setMigration({
    mappedRam: way.on.includes('mapped-ram'),
    channels: way.on.includes('multifd') ? CHANNELS : 0,
    directIo: way.directIo,
    capabilities: { 'background-snapshot': way.on.includes('background-snapshot') },
  });
  const most = await mostBytes(folder);
  const cpuBefore = await vm.cpu();
  await prober.longestMs();
  const begun = performance.now();
  if (!live) await qemu.qmp('stop');
  await qemu.qmp('migrate', { uri: `file:${file}` });
  const violations = await settingsBroken(qemu, way);
  const { migration, converged } = await untilOver(qemu, live ? begun + limitMs : Infinity, most);
  const saveMs = performance.now() - begun;
  const qmpSaveMs = await prober.longestMs();
  const flushMs = converged ? await flushed(file) : null;
  const qmpFlushMs = flushMs === null ? null : await prober.longestMs();
  const cpuSeconds = (await vm.cpu()) - cpuBefore;
  const size = await sizeOf(file);
  if (way.on.includes('mapped-ram')) {
    violations.push(...(converged ? await bounds.ofWhole(file, size) : bounds.ofUnfinished(size)));
  }
  return {
    ...{ end: converged ? 'done' : 'given up', saveMs, stoodMs: live ? (migration.downtime ?? null) : saveMs },
    ...{ flushMs, qmpSaveMs, qmpFlushMs, cpuSeconds, pages: migration.ram?.normal ?? 0, ...size, violations },
  };
}

/** What QEMU says while it saves about how it saves; a run with other settings is no measurement. */
export async function settingsBroken(qemu: PlainQemu, way: Way): Promise<string[]> {
  const capabilities = await qemu.qmp<{ capability: string; state: boolean }[]>('query-migrate-capabilities');
  const on = capabilities.filter(({ state }) => state).map(({ capability }) => capability);
  return [
    ...(on.toSorted().join() === way.on.toSorted().join() ? [] : [`QEMU ran with the capabilities ${on.join(', ')}.`]),
    ...(await parametersBroken(qemu, {
      'max-bandwidth': 0,
      'direct-io': way.directIo,
      ...(way.on.includes('multifd') ? { 'multifd-channels': CHANNELS } : {}),
    })),
  ];
}

/** The migration parameters that are not as they should be. */
export async function parametersBroken(
  qemu: PlainQemu,
  wanted: Readonly<Record<string, number | boolean>>,
): Promise<readonly string[]> {
  const parameters = await qemu.qmp<Readonly<Record<string, unknown>>>('query-migrate-parameters');
  return Object.entries(wanted)
    .filter(([name, value]) => parameters[name] !== value)
    .map(([name, value]) => `QEMU ran with ${name} ${String(parameters[name])}, not ${String(value)}.`);
}

/** A stream that does not come to an end must not fill the disk. */
async function mostBytes(folder: string): Promise<number> {
  const { bavail, bsize } = await statfs(folder);
  return (bavail * bsize) / 2;
}

/** Waits for the end of a migration, which is given up at `deadline`, or when it has sent `most` bytes. */
export async function untilOver(
  qemu: PlainQemu,
  deadline: number,
  most: number,
): Promise<{ readonly migration: Migration; readonly converged: boolean }> {
  for (;;) {
    const migration = await qemu.qmp<Migration>('query-migrate');
    if (migration.status === 'completed') return { migration, converged: true };
    if (migration.status === 'failed') throw new Error(`QEMU: ${String(migration['error-desc'])}`);
    if (performance.now() > deadline || (migration.ram?.transferred ?? 0) > most) {
      await giveUp(qemu);
      return { migration, converged: false };
    }
    await sleep(POLL_MS);
  }
}

async function giveUp(qemu: PlainQemu): Promise<void> {
  await qemu.qmp('migrate_cancel');
  for (const deadline = performance.now() + CANCEL_LIMIT_MS; ;) {
    const { status } = await qemu.qmp<Migration>('query-migrate');
    if (status === 'cancelled' || status === 'completed') return;
    if (performance.now() > deadline) throw new Error(`QEMU does not give up: ${String(status)}`);
    await sleep(POLL_MS);
  }
}

/** Milliseconds of one fdatasync of the whole file. */
async function flushed(file: string): Promise<number> {
  const handle = await open(file, 'r+');
  try {
    const begun = performance.now();
    await handle.datasync();
    return performance.now() - begun;
  } finally {
    await handle.close();
  }
}
