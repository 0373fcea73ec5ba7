import { Menu, type MenuItemConstructorOptions } from 'electron';
import type { AppCommand } from '@shared/contracts/app';

export interface MenuActions {
  command(command: AppCommand): void;
  /** Asks for a file and opens it in the inspector. */
  openFile(): void;
  /** Electron's version and the like, for `About`. */
  about(): void;
}

/** The native menu: every entry is something the page can do, too. Keys as in LOOK.md; `?` and single letters are the page's own. */
export function installMenu(actions: MenuActions, development: boolean): void {
  Menu.setApplicationMenu(Menu.buildFromTemplate(template(actions, development)));
}

function template(actions: MenuActions, development: boolean): MenuItemConstructorOptions[] {
  const item = (label: string, accelerator: string | null, command: AppCommand): MenuItemConstructorOptions => ({
    label,
    ...(accelerator === null ? {} : { accelerator }),
    click: () => actions.command(command),
  });
  const separator: MenuItemConstructorOptions = { type: 'separator' };
  const developer: MenuItemConstructorOptions[] = [separator, { role: 'reload' }, { role: 'toggleDevTools' }];
  return [
    {
      label: '&File',
      submenu: [
        item('Add machine…', 'Ctrl+N', { name: 'add-machine' }),
        item('Attach…', null, { name: 'attach' }),
        separator,
        { label: 'Inspect file…', accelerator: 'Ctrl+O', click: () => actions.openFile() },
        item('Import snapshot file…', 'Ctrl+I', { name: 'import' }),
        item('Convert file…', null, { name: 'convert' }),
        separator,
        item('Settings', 'Ctrl+,', { name: 'settings' }),
        separator,
        { role: 'quit' },
      ],
    },
    {
      label: '&Edit',
      submenu: [
        { role: 'undo' },
        { role: 'redo' },
        separator,
        { role: 'cut' },
        { role: 'copy' },
        { role: 'paste' },
        { role: 'selectAll' },
      ],
    },
    {
      label: '&View',
      submenu: [
        item('Machines', 'Alt+1', { name: 'go', room: 'machines' }),
        item('Library', 'Alt+2', { name: 'go', room: 'library' }),
        item('Inspector', 'Alt+3', { name: 'go', room: 'inspector' }),
        separator,
        item('Commands', 'Ctrl+K', { name: 'commands' }),
        separator,
        { role: 'resetZoom' },
        { role: 'zoomIn' },
        { role: 'zoomOut' },
        { role: 'togglefullscreen' },
        ...(development ? developer : []),
      ],
    },
    {
      label: '&Help',
      submenu: [item('Keys', null, { name: 'keys' }), { label: 'About Stillframe', click: () => actions.about() }],
    },
  ];
}
