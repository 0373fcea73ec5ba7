/** Names of the IPC channels between main and the preload. */
export const channels = {
  /** (service, method, args) → Reply */
  invoke: 'stillframe:invoke',
  /** An AppEvent for the page. */
  event: 'stillframe:event',
  /** The page has a listener for events. */
  listening: 'stillframe:listening',
  /** A session id, with the inspector's ports. */
  inspectorPorts: 'stillframe:inspector-ports',
} as const;
