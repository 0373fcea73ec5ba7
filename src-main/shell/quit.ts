import { app, dialog, type BrowserWindow } from 'electron';
import { quitQuestion } from './quit-question';

export interface QuitOptions {
  readonly window: BrowserWindow;
  /** Saves and conversions that run now, by the names of their machines and sources. */
  running(): Promise<{ readonly saves: readonly string[]; readonly conversions: readonly string[] }>;
  /** Cancels what runs and lets go of everything. */
  dispose(): Promise<void>;
}

/** Cancelling a save waits for QEMU; a QEMU that hangs must not keep the app from ending. */
const disposeLimitMs = 30_000;

/**
 * Leaving the app: with something still being written it asks first, then cancels that properly. Running VMs go on; the next start
 * lists them again. SIGINT and SIGTERM do not ask: nobody may be there to answer.
 */
export function guardQuit({ window, running, dispose }: QuitOptions): void {
  let state: 'open' | 'asking' | 'leaving' = 'open';

  const leave = async (ask: boolean): Promise<void> => {
    if (state === 'leaving' || (state === 'asking' && ask)) return;
    state = 'asking';
    if (ask && !(await mayLeave(window, await running().catch(() => ({ saves: [], conversions: [] }))))) {
      state = 'open';
      return;
    }
    state = 'leaving';
    if (!window.isDestroyed()) window.hide();
    await Promise.race([dispose(), new Promise((resolve) => setTimeout(resolve, disposeLimitMs))]).catch(
      (error: unknown) => console.error('stillframe: while quitting:', error),
    );
    app.exit(0);
  };

  window.on('close', (event) => {
    event.preventDefault();
    void leave(true);
  });
  app.on('before-quit', (event) => {
    event.preventDefault();
    void leave(true);
  });
  process.on('SIGINT', () => void leave(false));
  process.on('SIGTERM', () => void leave(false));
}

async function mayLeave(
  window: BrowserWindow,
  { saves, conversions }: Awaited<ReturnType<QuitOptions['running']>>,
): Promise<boolean> {
  const question = quitQuestion(saves, conversions);
  if (question === null) return true;
  const { response } = await dialog.showMessageBox(window, {
    type: 'question',
    message: question.message,
    detail: question.detail,
    buttons: [...question.buttons],
    defaultId: 0,
    cancelId: 0,
    noLink: true,
  });
  return response === 1;
}
