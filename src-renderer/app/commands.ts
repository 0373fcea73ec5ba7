/** What Ctrl+K offers: the app's own commands, then those of each machine and snapshot. */
import type { AppContext } from './context';

export interface Command {
  readonly text: string;
  /** Also found under these words. */
  readonly words?: string;
  readonly keys?: string;
  readonly run: () => void;
}

export function commandsOf(app: AppContext): readonly Command[] {
  const { conversions, dialogs, library, machines, navigation, preferences, saves } = app;
  const general: Command[] = [
    { text: 'Go to Machines', keys: 'Alt+1', run: () => navigation.go('machines') },
    { text: 'Go to Library', keys: 'Alt+2', run: () => navigation.go('library') },
    { text: 'Go to Inspector', keys: 'Alt+3', run: () => navigation.go('inspector') },
    {
      text: 'Add machine…',
      keys: 'Ctrl+N',
      words: 'new qemu command line form',
      run: () => dialogs.open({ kind: 'add-machine', way: 'command-line', commandLine: '' }),
    },
    { text: 'Add a demo VM…', run: () => dialogs.open({ kind: 'add-machine', way: 'demo', commandLine: '' }) },
    { text: 'Attach…', words: 'qmp socket running', run: () => dialogs.open({ kind: 'attach' }) },
    { text: 'Inspect a file…', keys: 'Ctrl+O', words: 'open', run: () => void inspectFile(app) },
    { text: 'Import a snapshot file…', keys: 'Ctrl+I', run: () => void library.importFile() },
    { text: 'Convert a file…', words: 'mapped-ram stream raw', run: () => void conversions.chooseSource() },
    { text: 'Settings', keys: 'Ctrl+,', run: () => dialogs.open({ kind: 'settings' }) },
    { text: 'Keys', keys: '?', words: 'shortcuts help', run: () => dialogs.open({ kind: 'keys' }) },
    ...(['system', 'light', 'dark'] as const).map((theme) => ({
      text: `Theme: ${theme}`,
      run: () => void preferences.change({ theme }),
    })),
  ];
  const jobs = saves.running.flatMap((job): Command[] => [
    { text: `Show the save of ${job.machineName}`, run: () => navigation.showJob(job.id) },
    { text: `Cancel the save of ${job.machineName}…`, run: () => void saves.askToCancel(job) },
  ]);
  const ofMachines = machines.list.flatMap((machine): Command[] => {
    const { name, state, saving } = machine;
    if (saving !== null) return [];
    if (state === 'off') return [{ text: `Start ${name}`, run: () => void machines.start(machine) }];
    const verb = state === 'running' ? 'Pause' : 'Resume';
    return [
      { text: `Save ${name}…`, run: () => machines.save(machine) },
      { text: `${verb} ${name}`, run: () => void machines.toggle(machine) },
      { text: `Power off ${name}…`, run: () => void machines.powerOff(machine) },
    ];
  });
  const ofSnapshots = library.entries.flatMap((entry): Command[] => [
    {
      text: `Show ${entry.name} in the library`,
      words: entry.note,
      run: () => {
        library.reveal(null);
        library.select(entry);
        navigation.go('library');
      },
    },
    { text: `Inspect ${entry.name}`, run: () => library.inspect(entry) },
  ]);
  return [...general, ...jobs, ...ofMachines, ...ofSnapshots];
}

/** Asks for any file and looks into it. */
export async function inspectFile({ api, navigation }: Pick<AppContext, 'api' | 'navigation'>): Promise<void> {
  const path = await api.shell.chooseFile('inspect');
  if (path !== null) navigation.inspect({ path });
}

/** Commands with every typed word in them; those that start with what was typed come first. */
export function matching(commands: readonly Command[], query: string): readonly Command[] {
  const typed = query.trim().toLowerCase();
  const words = typed.split(/\s+/);
  const text = (command: Command): string => `${command.text} ${command.words ?? ''}`.toLowerCase();
  const found = commands.filter((command) => words.every((word) => text(command).includes(word)));
  const first = (command: Command): number => (text(command).startsWith(typed) ? 0 : 1);
  return found.toSorted((a, b) => first(a) - first(b));
}
