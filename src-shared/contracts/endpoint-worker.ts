/** What passes between main and a worker besides calls, and the list of calls. */
import type { MethodNames } from './endpoint';
import { exploreMethods } from './explore';
import type { RamRange } from './library';
import type { Lease, WorkerApi } from './worker';

export const workerMethods: MethodNames<WorkerApi> = {
  ...exploreMethods,
  hello: true,
  inspect: true,
  locate: true,
  translate: true,
  place: true,
  tree: true,
  deviceTrees: true,
  devices: true,
  checkSaved: true,
  wasRunning: true,
  writeBack: true,
  dataSync: true,
  syncFolder: true,
  openChannel: true,
  copyExtents: true,
  closeChannel: true,
  dataIn: true,
  allocate: true,
  punch: true,
  zero: true,
  readBitmap: true,
  beginTransfer: true,
  stepTransfer: true,
  endTransfer: true,
  beginJoin: true,
  finishJoin: true,
  split: true,
  makeGuest: true,
  runGuest: true,
  syncGuest: true,
  freezeGuest: true,
  endGuest: true,
};

/** The ports of one inspector: the page's own, and the one on which its painter asks for what it draws. */
export type InspectorPorts<Port> = readonly [page: Port, painter: Port];

/** Asks a worker to serve an inspector on the ports that come with the message. The gate of the calls ignores it. */
export interface ServeInspector {
  readonly kind: 'serve-inspector';
  readonly lease: Lease;
  /** From the snapshot's manifest; empty when there is none. */
  readonly ramMap: readonly RamRange[];
  /** The digests that were taken when the snapshot was saved; null when there are none. */
  readonly digests: Lease | null;
}

/** Lends the file of another session to the inspector that a worker serves, or takes it back: `lease` null. */
export interface IntroduceInspector {
  readonly kind: 'introduce-inspector';
  readonly session: string;
  readonly lease: Lease | null;
}
