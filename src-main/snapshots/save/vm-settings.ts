/** The capabilities and parameters of a save, what of them has to change on this VM, and putting it back. */
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
 * Off is what QEMU refuses beside multifd or mapped-ram (xbzrle, postcopy-ram, background-snapshot), what would make the
 * save wait for somebody (pause-before-switchover, switchover-ack, return-path, colo), what would leave memory out of the
 * file (x-ignore-shared) or throw it away in the VM (release-ram), what would change the form of pages (compress, up to QEMU
 * 9.0) or add disks (block, likewise), and zero-copy-send, which files do not have.
 */
const OFF = [
  'xbzrle',
  'compress',
  'block',
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
];

/** `OFF` with what stands in `on` and `off` after it. */
const capabilitiesWith = (on: readonly string[], off: readonly string[] = []): Capabilities =>
  new Map([
    ...[...OFF, ...off].map((name) => [name, false] as const),
    ...[...on, 'events'].map((name) => [name, true] as const),
  ]);

/** `multifd` also for one channel: QEMU's single-threaded writer is slower and detects zero pages on the migration thread. */
const NATIVE = capabilitiesWith(['mapped-ram', 'multifd']);
const STREAM = capabilitiesWith([], ['mapped-ram', 'multifd']);
const DEVICES_ONLY = capabilitiesWith(['x-ignore-shared'], ['mapped-ram', 'multifd']);

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
function commonParameters(standsStill: boolean, rateLimit: number | null, own: Parameters): Parameters {
  const ownLimit = own['downtime-limit'];
  const live = { 'downtime-limit': Math.min(LIVE_DOWNTIME_MS, typeof ownLimit === 'number' ? ownLimit : Infinity) };
  return { ...(standsStill ? NO_END_SPURT : live), 'max-bandwidth': rateLimit ?? 0, mode: 'normal' };
}

/** What an ordinary stream carries: the devices and what of RAM is not shared, or everything. */
export type StreamContent =
  | { readonly carries: 'devices' }
  /** `standsStill`: the guest does while it is written. `rateLimit`: as in `SaveOptions`. */
  | { readonly carries: 'everything'; readonly standsStill: boolean; readonly rateLimit: number | null };

/** What of a save decides QEMU's settings. */
export interface NativeSave extends Pick<SaveOptions, 'channels' | 'rateLimit'> {
  /** Whether the guest stands still while its memory is written. */
  readonly standsStill: boolean;
}

/** The VM's own settings, as they were before. */
export interface OwnSettings {
  readonly capabilities: Capabilities;
  readonly parameters: Parameters;
}

/** Sets what a native save needs and pushes how to put it back. */
export function applySettings(
  qmp: Qmp,
  before: OwnSettings,
  { channels, rateLimit, standsStill }: NativeSave,
  directIo: boolean,
  undo: UndoStack,
): Promise<readonly UndoStep[]> {
  const parameters = {
    ...commonParameters(standsStill, rateLimit, before.parameters),
    'multifd-channels': channels,
    'direct-io': directIo,
    'zero-page-detection': 'multifd',
  };
  return apply(qmp, before, NATIVE, parameters, undo);
}

/**
 * Sets what an ordinary stream into a descriptor needs and pushes how to put it back. TLS would be spoken on the descriptor
 * too, so it is off.
 */
export function applyStreamSettings(
  qmp: Qmp,
  before: OwnSettings,
  content: StreamContent,
  undo: UndoStack,
): Promise<readonly UndoStep[]> {
  const devicesOnly = content.carries === 'devices';
  const { standsStill, rateLimit } = devicesOnly ? { standsStill: true, rateLimit: null } : content;
  const parameters = {
    ...commonParameters(standsStill, rateLimit, before.parameters),
    'tls-creds': '',
  };
  return apply(qmp, before, devicesOnly ? DEVICES_ONLY : STREAM, parameters, undo);
}

/**
 * Parameters come first and capabilities are put back first: with mapped-ram on, QEMU checks every parameter change against
 * it.
 */
async function apply(
  qmp: Qmp,
  before: OwnSettings,
  wantedCapabilities: Capabilities,
  wantedParameters: Parameters,
  undo: UndoStack,
): Promise<readonly UndoStep[]> {
  const parameters = parameterChanges(before.parameters, wantedParameters);
  const capabilities = capabilityChanges(before.capabilities, wantedCapabilities);
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
