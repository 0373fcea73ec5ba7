import type { AppApi, Settings } from '@shared/contracts/app';
import { failureOf, type Failure } from '@shared/contracts/failure';
import { settings } from '../lib/client';
import { applyTheme } from './theme';

const DEFAULTS: Settings = { theme: 'system', singleKeys: true };

/** The person's settings: as main keeps them, with a change shown at once. */
export class Preferences {
  current = $state.raw<Settings>(DEFAULTS);
  failure = $state.raw<Failure | null>(null);
  readonly #api: AppApi['shell'];

  constructor(api: AppApi['shell']) {
    this.#api = api;
    settings.subscribe(({ value }) => {
      if (value !== null) this.current = value;
      applyTheme(this.current.theme);
    });
  }

  async change(part: Partial<Settings>): Promise<void> {
    const before = this.current;
    this.current = { ...before, ...part };
    applyTheme(this.current.theme);
    this.failure = null;
    try {
      await this.#api.setSettings(this.current);
    } catch (error) {
      this.current = before;
      applyTheme(before.theme);
      this.failure = failureOf(error, 'keeping the settings');
    }
  }
}
