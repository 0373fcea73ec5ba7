import { Conversions } from '../convert/conversions.svelte';
import { InspectorRoom } from '../inspector/room.svelte';
import { app as api, openInspector } from '../lib/client';
import { LibraryRoom } from '../library/library.svelte';
import { MachinesRoom } from '../machines/machines.svelte';
import { Saves } from '../save/saves.svelte';
import { Clock } from './clock.svelte';
import type { AppContext } from './context';
import { Dialogs } from './dialogs.svelte';
import { Navigation } from './navigation.svelte';
import { Preferences } from './preferences.svelte';
import { Toasts } from './toasts.svelte';

/** The controllers of the window, each fed by main's events; they live as long as the window does. */
export function createApp(): AppContext {
  const navigation = new Navigation();
  const dialogs = new Dialogs();
  const toasts = new Toasts();
  const library = new LibraryRoom({ api, navigation, dialogs, toasts });
  return {
    api,
    navigation,
    dialogs,
    toasts,
    clock: new Clock(),
    preferences: new Preferences(api.shell),
    machines: new MachinesRoom({ api, navigation, dialogs, library }),
    saves: new Saves({ api, navigation, dialogs, toasts }),
    library,
    conversions: new Conversions({ api, navigation, dialogs, toasts }),
    inspector: new InspectorRoom(openInspector, (session, other) => api.inspector.introduce(session, other)),
  };
}
