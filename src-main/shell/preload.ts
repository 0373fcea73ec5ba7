/** The page's only door: calls, events, the path of a dropped file, and the ports of inspectors. It decides nothing. */
import { contextBridge, ipcRenderer, webUtils } from 'electron';
import {
  inspectorPortsTag,
  type AppEvent,
  type Bridge,
  type InspectorPortsMessage,
  type Reply,
} from '@shared/contracts/app';
import { channels } from './channels';

/** What is used of the page's global here: the DOM's types belong to the renderer. */
interface Page {
  readonly location: { readonly origin: string };
  postMessage(message: unknown, targetOrigin: string, ports: readonly unknown[]): void;
}
const page = globalThis as unknown as Page;

const bridge: Bridge = {
  invoke: (service, method, args) => ipcRenderer.invoke(channels.invoke, service, method, args) as Promise<Reply>,
  onEvent(listener) {
    ipcRenderer.on(channels.event, (_event, appEvent: AppEvent) => listener(appEvent));
    ipcRenderer.send(channels.listening);
  },
  pathForFile: (file) => webUtils.getPathForFile(file as Parameters<typeof webUtils.getPathForFile>[0]),
};

contextBridge.exposeInMainWorld('stillframe', bridge);

// Ports do not cross contextBridge: they are handed on as window messages, to this page's own origin only.
ipcRenderer.on(channels.inspectorPorts, (event, session: string) => {
  const message: InspectorPortsMessage = { kind: inspectorPortsTag, session };
  page.postMessage(message, page.location.origin, event.ports);
});
