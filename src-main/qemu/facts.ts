/** What a running QEMU says of itself and of its VM. Nothing is assumed from its version or its command line. */
import type { MachineFacts } from '@shared/contracts/machines';
import { StillframeError } from '@shared/contracts/failure';
import type { Json, Qmp } from '../services';
import { readRamFiles } from './ram-files';
import { asArray, asCount, asObject, asString } from './qmp-wire';

/** QEMU's run state (qapi/run-state.json, `RunState`). */
export interface RunStatus {
  readonly status: string;
  readonly running: boolean;
}

export async function queryStatus(qmp: Qmp): Promise<RunStatus> {
  const answer = asObject(await qmp.execute('query-status'));
  return { status: asString(answer?.['status']) ?? 'unknown', running: answer?.['running'] === true };
}

/** Asks for everything in MachineFacts; `saveBlocked` is as of now. */
export async function readFacts(qmp: Qmp & { readonly pid: number | null }): Promise<MachineFacts> {
  const [machineType, accelerator, cpus, sharing, memory, display, blocked] = await Promise.all([
    qmp.execute('qom-get', { path: '/machine', property: 'type' }),
    readAccelerator(qmp),
    readCpus(qmp),
    readSharing(qmp, qmp.pid),
    qmp.execute('query-memory-size-summary'),
    readDisplay(qmp),
    readSaveBlocked(qmp),
  ]);
  const sizes = asObject(memory);
  return {
    qemuVersion: qmp.version,
    machineType: (asString(machineType) ?? 'unknown').replace(/-machine$/, ''),
    accelerator,
    ...cpus,
    memoryBytes: (asCount(sizes?.['base-memory']) ?? 0) + (asCount(sizes?.['plugged-memory']) ?? 0),
    hasDisplay: display,
    memory: sharing,
    saveBlocked: blocked,
  };
}

async function readAccelerator(qmp: Qmp): Promise<MachineFacts['accelerator']> {
  if (asObject(await allowRefusal(qmp.execute('query-kvm')))?.['enabled'] === true) return 'kvm';
  // Only TCG has a translation buffer to tell of; every other accelerator refuses the question.
  return (await allowRefusal(qmp.execute('x-query-jit'))) === null ? 'other' : 'tcg';
}

async function readCpus(qmp: Qmp): Promise<{ readonly cpus: number; readonly cpuModel: string | null }> {
  const cpus = asArray(await qmp.execute('query-cpus-fast'));
  const path = asString(asObject(cpus[0])?.['qom-path']);
  if (path === null) return { cpus: cpus.length, cpuModel: null };
  const type = asString(await allowRefusal(qmp.execute('qom-get', { path, property: 'type' })));
  // `qemu64-x86_64-cpu`: the model, the target, the word cpu.
  return { cpus: cpus.length, cpuModel: type?.replace(/-[^-]+-cpu$/, '') ?? null };
}

/** Whether the VM has a graphic console, wherever QEMU shows it: `screendump` works also with `-display none`. */
async function readDisplay(qmp: Qmp): Promise<boolean> {
  const backend = asArray(await allowRefusal(qmp.execute('qom-list', { path: '/backend' })));
  const types = backend.map((child) => asString(asObject(child)?.['type']));
  return types.some((type) => type === 'child<qemu-graphic-console>' || type === 'child<qemu-console>');
}

/** Whether the VM's memory, by its largest block, is in a file that others can open; null when that cannot be told. */
async function readSharing(qmp: Qmp, pid: number | null): Promise<'shared' | 'private' | null> {
  const [largest] = [...(await readRamFiles(qmp, pid))].sort((a, b) => b.usedLength - a.usedLength);
  if (largest === undefined || (largest.shared === null && largest.kind === 'unknown')) return null;
  return largest.shared === null ? 'private' : 'shared';
}

/** A refused question counts as no answer; anything else stays an error. */
async function allowRefusal(answer: Promise<Json>): Promise<Json> {
  try {
    return await answer;
  } catch (error) {
    if (error instanceof StillframeError && error.failure.code === 'qemu.refused') return null;
    throw error;
  }
}

/** States in which `query-migrate` means that a migration or save is under way (qapi/migration.json, MigrationStatus). */
const MIGRATING = new Set([
  'setup',
  'cancelling',
  'active',
  'postcopy-active',
  'postcopy-paused',
  'postcopy-recover',
  'pre-switchover',
  'device',
  'wait-unplug',
]);

/** Whether QEMU is in the middle of a migration, whoever asked for it. */
export async function isMigrating(qmp: Qmp): Promise<boolean> {
  return MIGRATING.has(asString(asObject(await qmp.execute('query-migrate'))?.['status']) ?? 'none');
}

/** Why no save of this VM is possible now, by any engine, or null; changes nothing on the VM. */
export async function readSaveBlocked(qmp: Qmp): Promise<string | null> {
  const [migration, { status }] = await Promise.all([qmp.execute('query-migrate').then(asObject), queryStatus(qmp)]);
  const reasons = asArray(migration?.['blocked-reasons']).filter((reason) => typeof reason === 'string');
  if (reasons.length > 0) return reasons.join('; ');
  if (MIGRATING.has(asString(migration?.['status']) ?? 'none')) return 'A migration of this VM is already under way';
  if (status === 'inmigrate') return 'The VM is still being loaded';
  if (status === 'postmigrate') {
    return 'Can’t migrate the vm that was paused due to previous migration: resume it first';
  }
  return null;
}
