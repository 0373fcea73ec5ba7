import { ipcMain, type BrowserWindow, type IpcMainEvent, type IpcMainInvokeEvent } from 'electron';
import type { AppApi, AppEvent } from '@shared/contracts/app';
import { channels } from './channels';
import { answerCall, isTrusted, type Sender } from './gate';

/** Where events for the page go. */
export interface Events {
  emit(event: AppEvent): void;
}

/**
 * Opens the gate for the page in `window`: calls in, events out. Events that come before the page listens are dropped,
 * since the page asks for everything at its start; commands are kept for it.
 */
export function openIpc(window: BrowserWindow, api: AppApi, pageOrigin: string): Events {
  const { webContents } = window;
  const senderOf = (event: IpcMainInvokeEvent | IpcMainEvent): Sender => ({
    origin: event.senderFrame?.origin ?? '',
    isPage: event.sender === webContents && event.senderFrame === webContents.mainFrame,
  });

  let listening = false;
  let commands: AppEvent[] = [];
  const send = (event: AppEvent): void => {
    if (!window.isDestroyed()) webContents.send(channels.event, event);
  };

  ipcMain.handle(channels.invoke, (event, ...call: unknown[]) => answerCall(api, pageOrigin, senderOf(event), call));
  ipcMain.on(channels.listening, (event) => {
    if (!isTrusted(senderOf(event), pageOrigin)) return;
    listening = true;
    for (const command of commands) send(command);
    commands = [];
  });
  // A new document, e.g. after a crash. (`did-start-navigation` also comes for navigations that are then denied.)
  webContents.on('did-navigate', () => (listening = false));

  return {
    emit(event) {
      if (listening) send(event);
      else if (event.kind === 'command') commands.push(event);
    },
  };
}
