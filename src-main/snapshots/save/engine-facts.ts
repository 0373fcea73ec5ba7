/** What the choice of an engine goes by, read from a running VM without changing it. */
import * as v from 'valibot';
import { whyNotLive } from '../../qemu/live-hazard';
import type { BlockMemory } from '../../qemu/ram-files';
import { compareVersions } from '../../qemu/qemu-probe';
import type { Qmp } from '../../services';
import { ask } from '../migration';
import type { EngineBlock, EngineFacts } from './engines';
import { isRunning, type VmReading } from './plan';

/** From then on QEMU leaves out shared memory only if it is a `memory-backend-file` (RAM_NAMED_FILE); before, all of it. */
const NAMED_FILES_SINCE = '8.1.0';

/** Reads the facts. */
export async function readEngineFacts(vm: VmReading): Promise<EngineFacts> {
  const { qmp, capabilities, parameters, machine } = vm;
  const [liveHazard, namedFiles] = await Promise.all([whyNotLive(qmp, vm.facts.accelerator), namedFileBackends(qmp)]);
  const { 'multifd-compression': compression, 'tls-creds': tls } = parameters;
  return {
    qemuVersion: qmp.version,
    mappedRam: capabilities.has('mapped-ram'),
    ignoreShared: capabilities.has('x-ignore-shared'),
    running: isRunning(vm.runState),
    liveHazard,
    compression: typeof compression === 'string' && compression !== 'none' ? compression : null,
    tls: typeof tls === 'string' && tls !== '',
    blocks: vm.blocks.map((block) => wayOf(block, leavesOut(qmp.version, namedFiles, block.name), qmp.version)),
    privateRam: machine.privateRam,
  };
}

/** `leftOut`: whether QEMU leaves the block out with `x-ignore-shared`, provided that it is shared. */
export function wayOf(block: BlockMemory, leftOut: boolean, version: string): EngineBlock {
  const { name, usedLength } = block;
  if (block.shared !== null)
    return leftOut
      ? { name, usedLength, way: 'copied', why: null }
      : { name, usedLength, way: 'stream', why: `is shared, but no memory-backend-file, so QEMU ${version} writes it` };
  const lost = leftOut && block.kind === 'unreachable';
  return { name, usedLength, way: lost ? 'lost' : 'stream', why: block.why };
}

const leavesOut = (version: string, namedFiles: ReadonlySet<string>, name: string): boolean =>
  compareVersions(version, NAMED_FILES_SINCE) < 0 || namedFiles.has(name.replace(/^\/objects\//, ''));

/** Ids of the VM's memory backends of type `memory-backend-file`. */
async function namedFileBackends(qmp: Qmp): Promise<ReadonlySet<string>> {
  const devices = await ask(qmp, 'query-memdev', v.array(v.object({ id: v.optional(v.string()) })));
  const ids = devices.flatMap(({ id }) => (id === undefined ? [] : [id]));
  const types = await Promise.all(
    ids.map((id) => qmp.execute('qom-get', { path: `/objects/${id}`, property: 'type' }).catch(() => null)),
  );
  return new Set(ids.filter((_, index) => types[index] === 'memory-backend-file'));
}
