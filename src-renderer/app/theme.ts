import type { Settings } from '@shared/contracts/app';

const light = window.matchMedia('(prefers-color-scheme: light)');

/** Puts the theme on the root element, and keeps following the system when asked to. */
export function applyTheme(theme: Settings['theme']): void {
  const set = (): void => {
    document.documentElement.dataset.theme = theme === 'system' ? (light.matches ? 'light' : 'dark') : theme;
  };
  light.onchange = theme === 'system' ? set : null;
  set();
}
