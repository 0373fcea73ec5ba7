import type { AppApi } from '@shared/contracts/app';
import { createContext } from 'svelte';
import type { Conversions } from '../convert/conversions.svelte';
import type { InspectorRoom } from '../inspector/room.svelte';
import type { LibraryRoom } from '../library/library.svelte';
import type { MachinesRoom } from '../machines/machines.svelte';
import type { Saves } from '../save/saves.svelte';
import type { Clock } from './clock.svelte';
import type { Dialogs } from './dialogs.svelte';
import type { Navigation } from './navigation.svelte';
import type { Preferences } from './preferences.svelte';
import type { Toasts } from './toasts.svelte';

/** What every part of the window may use. */
export interface AppContext {
  readonly api: AppApi;
  readonly navigation: Navigation;
  readonly dialogs: Dialogs;
  readonly toasts: Toasts;
  readonly clock: Clock;
  readonly preferences: Preferences;
  readonly machines: MachinesRoom;
  readonly saves: Saves;
  readonly library: LibraryRoom;
  readonly conversions: Conversions;
  readonly inspector: InspectorRoom;
}

export const [useApp, provideApp] = createContext<AppContext>();
