import { execFile } from 'node:child_process';
import { basename, join } from 'node:path';
import { promisify } from 'node:util';
import { app, clipboard, dialog, nativeTheme, type BrowserWindow, type OpenDialogOptions } from 'electron';
import type { ShellApi } from '@shared/contracts/app';
import type { SettingsService } from './settings';

export interface ShellApiOptions {
  readonly window: BrowserWindow;
  readonly settings: SettingsService;
  readonly libraryFolder: string;
  /** A person is asked for a file: what will be wanted then can be made ready. */
  readonly onChoosing: (purpose: ChoicePurpose) => void;
}

type ChoicePurpose = Parameters<ShellApi['chooseFile']>[0];

export function createShellApi({ window, settings, libraryFolder, onChoosing }: ShellApiOptions): ShellApi {
  return {
    about: async () => ({ ...versions(), qemu: await qemuVersion(), libraryFolder }),
    settings: () => Promise.resolve(settings.current()),
    setSettings: (changed) => settings.change(changed),
    async chooseFile(purpose) {
      onChoosing(purpose);
      const { canceled, filePaths } = await dialog.showOpenDialog(window, dialogs[purpose]);
      return canceled ? null : (filePaths[0] ?? null);
    },
    async chooseTarget(suggestedName) {
      const { canceled, filePath } = await dialog.showSaveDialog(window, {
        title: 'Write to',
        buttonLabel: 'Choose',
        defaultPath: join(app.getPath('documents'), basename(suggestedName)),
        // Nothing is ever written over: the conversion itself refuses a name that is taken, and says so.
        properties: ['showHiddenFiles'],
      });
      return canceled || filePath === '' ? null : filePath;
    },
    async copyText(text) {
      // Electron 45 returns a promise, 33 nothing.
      await clipboard.writeText(text);
    },
  };
}

/** What runs, in one line, for the terminal and for people who report something. */
export function versionLine(): string {
  const { version, electron, chrome, node } = versions();
  return `Stillframe ${version}, Electron ${electron}, Chromium ${chrome}, Node ${node}`;
}

function versions(): { version: string; electron: string; chrome: string; node: string } {
  const { electron, chrome, node } = process.versions;
  return { version: app.getVersion(), electron: electron ?? '', chrome: chrome ?? '', node };
}

/** Makes the native parts (menus, dialogs, the page's preferred scheme) follow the chosen theme. */
export function followTheme(settings: SettingsService): void {
  nativeTheme.themeSource = settings.current().theme;
  settings.onChange(({ theme }) => (nativeTheme.themeSource = theme));
}

const anyFile: OpenDialogOptions = { properties: ['openFile', 'showHiddenFiles'] };

const dialogs: Readonly<Record<ChoicePurpose, OpenDialogOptions>> = {
  inspect: { ...anyFile, title: 'Inspect a file', buttonLabel: 'Inspect' },
  import: { ...anyFile, title: 'Import a save file of QEMU or libvirt', buttonLabel: 'Import' },
  convert: { ...anyFile, title: 'Convert a save file of QEMU or libvirt', buttonLabel: 'Choose' },
  disk: { ...anyFile, title: 'Choose a disk image', buttonLabel: 'Choose' },
  cdrom: { ...anyFile, title: 'Choose a CD image', buttonLabel: 'Choose' },
  'qmp-socket': { ...anyFile, title: 'Choose a QMP socket', buttonLabel: 'Attach' },
};

const run = promisify(execFile);

/** Version of the QEMU on the PATH; null when there is none. */
async function qemuVersion(): Promise<string | null> {
  const answer = await run('qemu-system-x86_64', ['--version'], { timeout: 10_000 }).catch(() => null);
  return /version ([0-9.]+)/.exec(answer?.stdout ?? '')?.[1] ?? null;
}
