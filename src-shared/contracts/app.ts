/** Everything the renderer may ask of main, as one type: the IPC host table and the renderer's client are derived from it. */
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
  readonly name: string;
  readonly snapshot: string | null;
}

export interface InspectorApi {
  /** Opens a file for reading and sends the renderer a port on which a worker serves it (`inspector-port`, session id). */
  open(target: { readonly path: string } | { readonly snapshot: string }): Promise<InspectorSession>;
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
  chooseFile(purpose: 'inspect' | 'import' | 'disk' | 'cdrom' | 'qmp-socket'): Promise<string | null>;
  copyText(text: string): Promise<void>;
}

export interface AppApi {
  readonly machines: MachinesApi;
  readonly saves: SavesApi;
  readonly library: LibraryApi;
  readonly restores: RestoresApi;
  readonly inspector: InspectorApi;
  readonly shell: ShellApi;
}

/** What main tells the renderer unasked. Whole values, not differences: a missed event loses nothing. */
export type AppEvent =
  | { readonly kind: 'machines'; readonly machines: readonly Machine[] }
  | { readonly kind: 'save'; readonly job: SaveJob }
  | { readonly kind: 'library'; readonly overview: LibraryOverview }
  | { readonly kind: 'settings'; readonly settings: Settings }
  /** A menu item or a file handed to the app. */
  | { readonly kind: 'command'; readonly command: AppCommand };

export type AppCommand =
  | { readonly name: 'go'; readonly room: 'machines' | 'library' | 'inspector' }
  | { readonly name: 'inspect-file'; readonly path: string }
  | { readonly name: 'add-machine' }
  | { readonly name: 'attach' }
  | { readonly name: 'import' }
  | { readonly name: 'commands' }
  | { readonly name: 'keys' }
  | { readonly name: 'settings' };
