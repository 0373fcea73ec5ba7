/**
 * Message ports of every runtime here, as one thing. Measured in Electron 33:
 * - `MessagePortMain` and `process.parentPort` deliver `{ data, ports }`, a DOM port an event, Node's ports the bare value;
 * - `postMessage(message, undefined)` throws, so nothing is ever passed for the transfer list;
 * - a buffer in the transfer list, or a port in the body, arrives as `null` and the call hangs: everything is copied;
 * - a typed-array view is cloned with its whole buffer, so views are cut to size first (`cutViews`).
 */

/** Where messages come from and go to. */
export interface Wire {
  send(message: unknown): void;
  /** Returns the function that stops listening. */
  listen(listener: (message: unknown) => void): () => void;
  close(): void;
}

type ValueListener = (value: unknown) => void;
type DataListener = (event: { readonly data: unknown }) => void;

/** Electron's MessagePortMain (main and utility process) and `process.parentPort`. */
export interface ElectronPort {
  on(event: 'message', listener: DataListener): unknown;
  off(event: 'message', listener: DataListener): unknown;
  postMessage(message: unknown): void;
  start?(): void;
  close?(): void;
}

/** worker_threads' ports and Worker, and Electron's UtilityProcess as main sees it. */
export interface ValueEmitter {
  on(event: 'message', listener: ValueListener): unknown;
  off(event: 'message', listener: ValueListener): unknown;
  postMessage(message: unknown): void;
  close?(): void;
}

/** The DOM's MessagePort. */
export interface DomPort {
  addEventListener(event: 'message', listener: DataListener): void;
  removeEventListener(event: 'message', listener: DataListener): void;
  postMessage(message: unknown): void;
  start(): void;
  close(): void;
}

export function electronWire(port: ElectronPort): Wire {
  return {
    send: (message) => port.postMessage(cutViews(message)),
    listen(listener) {
      const onMessage: DataListener = (event) => listener(event.data);
      port.on('message', onMessage);
      port.start?.();
      return () => port.off('message', onMessage);
    },
    close: () => port.close?.(),
  };
}

export function valueWire(emitter: ValueEmitter): Wire {
  return {
    send: (message) => emitter.postMessage(cutViews(message)),
    listen(listener) {
      emitter.on('message', listener);
      return () => emitter.off('message', listener);
    },
    close: () => emitter.close?.(),
  };
}

export function domWire(port: DomPort): Wire {
  return {
    send: (message) => port.postMessage(cutViews(message)),
    listen(listener) {
      const onMessage: DataListener = (event) => listener(event.data);
      port.addEventListener('message', onMessage);
      port.start();
      return () => port.removeEventListener('message', onMessage);
    },
    close: () => port.close(),
  };
}

/**
 * The same value with every typed array that shows only a part of its buffer, or that shares it, replaced by an exact
 * copy. Plain objects and arrays are looked into; what needs no change is returned as it is.
 */
export function cutViews(value: unknown): unknown {
  if (typeof value !== 'object' || value === null) return value;
  if (ArrayBuffer.isView(value)) return cutView(value);
  if (Array.isArray(value)) {
    const items: readonly unknown[] = value;
    const cut = items.map(cutViews);
    return cut.some((item, at) => item !== items[at]) ? cut : value;
  }
  if (!isPlain(value)) return value;
  const entries = Object.entries(value);
  const cut = entries.map(([key, item]) => [key, cutViews(item)] as const);
  return cut.some(([, item], at) => item !== entries[at]?.[1]) ? Object.fromEntries(cut) : value;
}

function isPlain(value: object): boolean {
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
}

function cutView(view: ArrayBufferView): ArrayBufferView {
  const { buffer, byteOffset, byteLength } = view;
  if (buffer instanceof ArrayBuffer && byteLength === buffer.byteLength) return view;
  const bytes = new Uint8Array(byteLength);
  bytes.set(new Uint8Array(buffer, byteOffset, byteLength));
  if (view instanceof Uint8Array) return bytes;
  const Kind = view.constructor as new (buffer: ArrayBuffer) => ArrayBufferView;
  return new Kind(bytes.buffer);
}
