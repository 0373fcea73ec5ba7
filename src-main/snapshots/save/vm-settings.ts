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

/** `max-bandwidth` 0 is "no limit"; the default of 128 MiB/s would make every save slow. */
function parametersFor(options: Pick<SaveOptions, 'channels'>, directIo: boolean): Parameters {
  return {
    'max-bandwidth': 0,
    'multifd-channels': options.channels,
    'direct-io': directIo,
    'zero-page-detection': 'multifd',
    mode: 'normal',
  };
}

/**
 * Sets what the save needs and pushes how to put it back. Parameters come first and capabilities are put back first: with
 * mapped-ram on, QEMU checks every parameter change against it.
 */
export async function applySettings(
  qmp: Qmp,
  before: { readonly capabilities: Capabilities; readonly parameters: Parameters },
  options: Pick<SaveOptions, 'channels'>,
  directIo: boolean,
  undo: UndoStack,
): Promise<readonly UndoStep[]> {
  const parameters = parameterChanges(before.parameters, parametersFor(options, directIo));
  const capabilities = capabilityChanges(before.capabilities, CAPABILITIES);
  const parametersBack = undo.push("putting the VM's migration parameters back", () =>
    setParameters(qmp, Object.fromEntries(Object.keys(parameters).map((name) => [name, before.parameters[name]]))),
  );
  await setParameters(qmp, parameters);
  const capabilitiesBack = undo.push("putting the VM's migration capabilities back", () =>
    setCapabilities(qmp, new Map([...capabilities].map(([name, state]) => [name, !state]))),
  );
  await setCapabilities(qmp, capabilities);
  return [capabilitiesBack, parametersBack];
}

/** QEMU 9.0 has mapped-ram but no direct-io. */
export const knowsDirectIo = (parameters: Parameters): boolean => 'direct-io' in parameters;
