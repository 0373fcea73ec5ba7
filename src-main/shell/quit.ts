import { app, dialog, type BrowserWindow } from 'electron';
import type { SaveJob } from '@shared/contracts/saves';

export interface QuitOptions {
  readonly window: BrowserWindow;
  /** Saves that run now. */
  running(): Promise<readonly SaveJob[]>;
  /** Cancels what runs and lets go of everything. */
  dispose(): Promise<void>;
}

/** Cancelling a save waits for QEMU; a QEMU that hangs must not keep the app from ending. */
const disposeLimitMs = 30_000;

/**
 * Leaving the app: with a save running it asks first, then cancels that save properly. Running VMs go on; the next start
 * lists them again. SIGINT and SIGTERM do not ask: nobody may be there to answer.
 */
export function guardQuit({ window, running, dispose }: QuitOptions): void {
  let state: 'open' | 'asking' | 'leaving' = 'open';

  const leave = async (ask: boolean): Promise<void> => {
    if (state === 'leaving' || (state === 'asking' && ask)) return;
    state = 'asking';
    if (ask && !(await mayLeave(window, await running().catch(() => [])))) {
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

async function mayLeave(window: BrowserWindow, jobs: readonly SaveJob[]): Promise<boolean> {
  if (jobs.length === 0) return true;
  const names = jobs.map(({ machineName }) => machineName).join(', ');
  const [is, save, file] = jobs.length === 1 ? ['is', 'save', 'file is'] : ['are', 'saves', 'files are'];
  const { response } = await dialog.showMessageBox(window, {
    type: 'question',
    message: `Quit and cancel the ${save}?`,
    detail: `${names} ${is} being saved. The unfinished ${file} removed. The VMs go on as before. The library stays as it was.`,
    buttons: ['Keep saving', `Cancel the ${save} and quit`],
    defaultId: 0,
    cancelId: 0,
    noLink: true,
  });
  return response === 1;
}
