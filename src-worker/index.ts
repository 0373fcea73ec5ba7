/** The worker's entry: serves WorkerApi to whoever started it, as an Electron utility process or as a Node thread. */
import { fileURLToPath } from 'node:url';
import { parentPort as threadPort } from 'node:worker_threads';
import { serve } from '@shared/contracts/endpoint';
import { electronWire, valueWire, type ElectronPort, type Wire } from '@shared/contracts/endpoint-wires';
import {
  workerMethods,
  type InspectorPorts,
  type IntroduceInspector,
  type ServeInspector,
} from '@shared/contracts/endpoint-worker';
import { inspectorMethods, type Inspector } from '@shared/contracts/inspector';
import { inspectorPortMethods, type InspectorPort } from '@shared/contracts/inspector-port';
import type { WorkerApi } from '@shared/contracts/worker';
import { createWorkerApi } from './api';
import { createInspector, type OpenInspector } from './inspector/inspector';

/** A port as it comes out of a message to a utility process; it tells when the other side let go. */
interface HandedPort extends ElectronPort {
  on(event: 'message', listener: (event: { readonly data: unknown }) => void): unknown;
  on(event: 'close', listener: () => void): unknown;
}

/** `process.parentPort`, which exists in a utility process only. Its messages can carry ports. */
interface UtilityPort extends ElectronPort {
  on(
    event: 'message',
    listener: (event: { readonly data: unknown; readonly ports: readonly HandedPort[] }) => void,
  ): unknown;
}

/** The inspector that this process serves, if any. */
let inspector: OpenInspector | null = null;

const utilityPort = (process as { readonly parentPort?: UtilityPort }).parentPort;

if (utilityPort) {
  serveMain(electronWire(utilityPort));
  utilityPort.on('message', ({ data, ports: [page, painter] }) => {
    if (page && painter && isServeInspector(data)) serveInspector([page, painter], data);
    else if (isIntroduceInspector(data)) inspector?.introduce(data.session, data.lease);
  });
} else if (threadPort) {
  serveMain(valueWire(threadPort));
} else {
  process.stderr.write('stillframe worker: started by itself; it is a part of Stillframe and does nothing alone.\n');
  process.exitCode = 2;
}

function serveMain(wire: Wire): void {
  serve<WorkerApi>(wire, createWorkerApi(), workerMethods);
}

function isServeInspector(data: unknown): data is ServeInspector {
  return typeof data === 'object' && data !== null && 'kind' in data && data.kind === 'serve-inspector';
}

function isIntroduceInspector(data: unknown): data is IntroduceInspector {
  return typeof data === 'object' && data !== null && 'kind' in data && data.kind === 'introduce-inspector';
}

function serveInspector([page, painter]: InspectorPorts<HandedPort>, asked: ServeInspector): void {
  const opened = createInspector(asked, fileURLToPath(import.meta.url));
  inspector = opened;
  serve<Inspector>(electronWire(page), opened.api, inspectorMethods);
  serve<InspectorPort>(electronWire(painter), opened.api, inspectorPortMethods);
  page.on('close', () => void opened.dispose());
}
