/** What the forms of "Add machine" make of their fields; null while something is missing or out of range. */
import type { MachineForm, NewMachine } from '@shared/contracts/machines';

/** A name for a VM nobody named: `-name` of its command line, its first disk's file name, else the program's. */
export function suggestName(commandLine: string): string {
  const named = /(?:^|\s)--?name\s+(?:guest=)?["']?([\w.-]+)/.exec(commandLine)?.[1];
  if (named !== undefined) return named;
  const disk = /([\w.-]+)\.(?:qcow2|img|raw|iso|vmdk|vdi)\b/.exec(commandLine)?.[1];
  if (disk !== undefined) return disk;
  return /(qemu-system-[\w-]+)/.exec(commandLine)?.[1] ?? '';
}

export function fromCommandLine(name: string, commandLine: string, cwd: string): NewMachine | null {
  const line = commandLine.trim();
  const title = name.trim() || suggestName(line);
  if (line === '' || title === '') return null;
  return { kind: 'command-line', name: title, commandLine: line, cwd: cwd.trim() || null };
}

const within = (value: number, least: number, most: number): boolean =>
  Number.isInteger(value) && value >= least && value <= most;

export function fromForm(form: MachineForm): NewMachine | null {
  const name = form.name.trim();
  if (name === '' || !within(form.memoryMiB, 1, 1 << 20) || !within(form.cpus, 1, 255)) return null;
  return { kind: 'form', form: { ...form, name } };
}

export interface DemoFields {
  readonly memoryMiB: number;
  readonly dirtyMiB: number;
  readonly dirtyMiBPerSecond: number;
}

/** The guest's code and screen are not dirtied, nor is what lies above the first 2 GiB. */
export const mostDirtyMiB = (memoryMiB: number): number => Math.min(memoryMiB, 2048) - 4;

const demoFieldsOk = ({ memoryMiB, dirtyMiB, dirtyMiBPerSecond }: DemoFields): boolean =>
  within(memoryMiB, 64, 4096) && within(dirtyMiB, 1, mostDirtyMiB(memoryMiB)) && within(dirtyMiBPerSecond, 0, 4096);

export const fromDemo = (fields: DemoFields): NewMachine | null =>
  demoFieldsOk(fields) ? { kind: 'demo', ...fields } : null;
