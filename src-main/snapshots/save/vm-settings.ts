/** The capabilities and parameters of a native save, what of them has to change on this VM, and putting it back. */
import type { SaveOptions } from '@shared/contracts/saves';
import type { Qmp } from '../../services';
import {
  capabilityChanges,
  parameterChanges,
  setCapabilities,
  setParameters,
  type Capabilities,
  type Parameters,
} from '../migration';
import type { UndoStack, UndoStep } from './undo';

/**
 * `multifd` also for one channel: QEMU's single-threaded writer is slower and detects zero pages on the migration thread.
 *
 * Off is what QEMU refuses beside multifd or mapped-ram (xbzrle, postcopy-ram, background-snapshot), what would make the
 * save wait for somebody (pause-before-switchover, switchover-ack, return-path, colo), what would leave memory out of the
 * file (x-ignore-shared) or throw it away in the VM (release-ram), and zero-copy-send, which files do not have.
 */
const CAPABILITIES: Capabilities = new Map([
  ['mapped-ram', true],
  ['multifd', true],
  ['events', true],
  ...[
    'xbzrle',
    'postcopy-ram',
    'postcopy-blocktime',
    'postcopy-preempt',
    'background-snapshot',
    'zero-copy-send',
    'release-ram',
    'return-path',
    'x-colo',
    'x-ignore-shared',
    'pause-before-switchover',
    'switchover-ack',
    'dirty-bitmaps',
    'rdma-pin-all',
  ].map((name) => [name, false] as const),
]);

/**
 * QEMU writes what it takes to be `downtime-limit`'s worth of data last, with its big lock held, and does not answer QMP
 * meanwhile (0.2 to 2 s were seen with the default of 300 ms). A guest that stands still anyway needs no such end spurt; for
 * a live save LIVE_DOWNTIME_MS decides how long the guest stands still, or the VM's own limit where that is shorter.
 */
const NO_END_SPURT: Parameters = { 'downtime-limit': 1 };
const LIVE_DOWNTIME_MS = 50;

/** For a live save whose guest was stopped after all; `applySettings` has pushed how to put it back. */
export const forbidEndSpurt = (qmp: Qmp): Promise<void> => setParameters(qmp, NO_END_SPURT);

/** `max-bandwidth` 0 is "no limit"; the default of 128 MiB/s would make every save slow. */
function parametersFor({ channels, standsStill }: NativeSave, directIo: boolean, own: Parameters): Parameters {
  const ownLimit = own['downtime-limit'];
  const live = { 'downtime-limit': Math.min(LIVE_DOWNTIME_MS, typeof ownLimit === 'number' ? ownLimit : Infinity) };
  return {
    ...(standsStill ? NO_END_SPURT : live),
    'max-bandwidth': 0,
    'multifd-channels': channels,
    'direct-io': directIo,
    'zero-page-detection': 'multifd',
    mode: 'normal',
  };
}

/** What of a save decides QEMU's settings. */
export interface NativeSave extends Pick<SaveOptions, 'channels'> {
  /** Whether the guest stands still while its memory is written. */
  readonly standsStill: boolean;
}

/**
 * Sets what the save needs and pushes how to put it back. Parameters come first and capabilities are put back first: with
 * mapped-ram on, QEMU checks every parameter change against it.
 */
export async function applySettings(
  qmp: Qmp,
  before: { readonly capabilities: Capabilities; readonly parameters: Parameters },
  save: NativeSave,
  directIo: boolean,
  undo: UndoStack,
): Promise<readonly UndoStep[]> {
  const parameters = parameterChanges(before.parameters, parametersFor(save, directIo, before.parameters));
  const capabilities = capabilityChanges(before.capabilities, CAPABILITIES);
  const parametersBack = undo.push("putting the VM's migration parameters back", () =>
    setParameters(qmp, pick(before.parameters, [...Object.keys(parameters), ...Object.keys(NO_END_SPURT)])),
  );
  await setParameters(qmp, parameters);
  const capabilitiesBack = undo.push("putting the VM's migration capabilities back", () =>
    setCapabilities(qmp, new Map([...capabilities].map(([name, state]) => [name, !state]))),
  );
  await setCapabilities(qmp, capabilities);
  return [capabilitiesBack, parametersBack];
}

const pick = (from: Parameters, names: readonly string[]): Parameters =>
  Object.fromEntries(names.filter((name) => name in from).map((name) => [name, from[name]]));

/** QEMU 9.0 has mapped-ram but no direct-io. */
export const knowsDirectIo = (parameters: Parameters): boolean => 'direct-io' in parameters;
