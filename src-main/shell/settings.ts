import { readFile } from 'node:fs/promises';
import * as v from 'valibot';
import type { Settings } from '@shared/contracts/app';
import { fail } from '@shared/contracts/failure';
import { writeAside } from '../files/write-aside';
import { settingsSchema } from './schemas';

export interface SettingsService {
  current(): Settings;
  change(settings: Settings): Promise<Settings>;
  onChange(listener: (settings: Settings) => void): void;
}

const defaults: Settings = { theme: 'system', singleKeys: true };

/** Settings in a JSON file. A file that cannot be understood counts as absent; it is replaced at the next change. */
export async function openSettings(file: string): Promise<SettingsService> {
  const text = await readFile(file, 'utf8').catch(() => null);
  const parsed = v.safeParse(v.pipe(v.string(), v.parseJson(), settingsSchema), text);
  let current: Settings = parsed.success ? parsed.output : defaults;
  let writing: Promise<void> = Promise.resolve();
  const listeners: ((settings: Settings) => void)[] = [];

  return {
    current: () => current,
    async change(settings) {
      // One write after the other, so that the last change is the one on disk.
      writing = writing.catch(() => undefined).then(() => writeAside(file, `${JSON.stringify(settings, null, 2)}\n`));
      await writing.catch((cause: unknown) => {
        const todo = 'Check the disk and the permissions of its folder.';
        throw fail('file.io', 'saving the settings', 'they cannot be written', todo, { where: { path: file }, cause });
      });
      current = settings;
      for (const listener of listeners) listener(current);
      return current;
    },
    onChange: (listener) => void listeners.push(listener),
  };
}
