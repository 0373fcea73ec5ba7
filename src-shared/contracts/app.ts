/** Everything the renderer may ask of main, as one type: the IPC host table and the renderer's client are derived from it. */
import type { BookmarksApi } from './bookmarks';
import type { ConversionJob, ConversionsApi } from './conversions';
import type { Failure } from './failure';
import type { LibraryApi, LibraryOverview, RestoresApi } from './library';
import type { Machine, MachinesApi } from './machines';
import type { SaveJob, SavesApi } from './saves';

export interface Settings {
  readonly theme: 'system' | 'light' | 'dark';
  /** Keys without a modifier (S, R, I …) act when the view has focus. */
  readonly singleKeys: boolean;
}

/** A file that the inspector has open. `port` arrives by itself, tagged with this id. */
export interface InspectorSession {
  readonly id: string;
  readonly path: string;
  /** What main's other services are asked for it by: the path, and `,offset=` where it was told where the stream begins. */
  readonly reference: string;
  readonly name: string;
  readonly snapshot: string | null;
}

export interface InspectorApi {
  /** Opens a file for reading and sends the renderer a port on which a worker serves it (`inspector-port`, session id). */
  open(target: { readonly path: string } | { readonly snapshot: string }): Promise<InspectorSession>;
  /** Lends the file of session `other` to the worker of `session`, so that it can compare the two, until either is closed. */
  introduce(session: string, other: string): Promise<void>;
  close(session: string): Promise<void>;
}

export interface ShellApi {
  about(): Promise<{
    version: string;
    electron: string;
    chrome: string;
    node: string;
    qemu: string | null;
    libraryFolder: string;
  }>;
  settings(): Promise<Settings>;
  setSettings(settings: Settings): Promise<Settings>;
  /** The system's file dialog; null when nothing was chosen. */
  chooseFile(purpose: 'inspect' | 'import' | 'convert' | 'disk' | 'cdrom' | 'qmp-socket'): Promise<string | null>;
  /** The system's dialog for a file to make, which starts with `suggestedName`; null when nothing was chosen. */
  chooseTarget(suggestedName: string): Promise<string | null>;
  copyText(text: string): Promise<void>;
}

export interface AppApi {
  readonly machines: MachinesApi;
  readonly saves: SavesApi;
  readonly library: LibraryApi;
  readonly restores: RestoresApi;
  readonly conversions: ConversionsApi;
  readonly inspector: InspectorApi;
  readonly bookmarks: BookmarksApi;
  readonly shell: ShellApi;
}

/** What main tells the renderer unasked. Whole values, not differences: a missed event loses nothing. */
export type AppEvent =
  | { readonly kind: 'machines'; readonly machines: readonly Machine[] }
  | { readonly kind: 'save'; readonly job: SaveJob }
  | { readonly kind: 'conversion'; readonly job: ConversionJob }
  | { readonly kind: 'library'; readonly overview: LibraryOverview }
  | { readonly kind: 'settings'; readonly settings: Settings }
  /** The worker behind an open inspector is gone; its port answers no more. Opening the file again starts another. */
  | { readonly kind: 'inspector-ended'; readonly session: string; readonly failure: Failure }
  /** A menu item or a file handed to the app. */
  | { readonly kind: 'command'; readonly command: AppCommand };

export type AppCommand =
  | { readonly name: 'go'; readonly room: 'machines' | 'library' | 'inspector' }
  | { readonly name: 'inspect-file'; readonly path: string }
  | { readonly name: 'add-machine' }
  | { readonly name: 'attach' }
  | { readonly name: 'import' }
  | { readonly name: 'convert' }
  | { readonly name: 'commands' }
  | { readonly name: 'keys' }
  | { readonly name: 'settings' };

/** What a call to main comes back as: an Error would lose its fields on the way through Electron's IPC. */
export type Reply = { readonly ok: true; readonly value: unknown } | { readonly ok: false; readonly failure: Failure };

/** All that the preload gives the page, as `window.stillframe`. */
export interface Bridge {
  invoke(service: string, method: string, args: readonly unknown[]): Promise<Reply>;
  /** One listener for all events, for as long as the page lives. */
  onEvent(listener: (event: AppEvent) => void): void;
  /** Path of a file dropped on the page (a DOM `File`); empty for one that has none. */
  pathForFile(file: object): string;
}

/** Tag of the window message by which the preload hands on an inspector's ports. */
export const inspectorPortsTag = 'stillframe:inspector-ports';

/** That message; the event's `ports` are an InspectorPorts. */
export interface InspectorPortsMessage {
  readonly kind: typeof inspectorPortsTag;
  readonly session: string;
}
