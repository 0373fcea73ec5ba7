/** What is asked before leaving while something is still being written. */

export interface QuitQuestion {
  readonly message: string;
  readonly detail: string;
  /** The safe one first. */
  readonly buttons: readonly [string, string];
}

/** `saves`: the machines' names; `conversions`: the sources' names. null: nothing runs, so nothing is asked. */
export function quitQuestion(saves: readonly string[], conversions: readonly string[]): QuitQuestion | null {
  const running = saves.length + conversions.length;
  if (running === 0) return null;
  const named = (names: readonly string[], doing: string): string =>
    `${names.join(', ')} ${names.length === 1 ? 'is' : 'are'} being ${doing}.`;
  const what = [
    ...(saves.length === 0 ? [] : [plural('save', saves.length)]),
    ...(conversions.length === 0 ? [] : [plural('conversion', conversions.length)]),
  ].join(' and the ');
  return {
    message: `Quit and cancel the ${what}?`,
    detail: [
      ...(saves.length === 0 ? [] : [named(saves, 'saved')]),
      ...(conversions.length === 0 ? [] : [named(conversions, 'converted')]),
      running === 1 ? 'The unfinished file is removed.' : 'The unfinished files are removed.',
      ...(saves.length === 0 ? [] : ['The VMs go on as before. The library stays as it was.']),
    ].join(' '),
    buttons: ['Keep writing', 'Cancel and quit'],
  };
}

const plural = (word: string, count: number): string => (count === 1 ? word : `${word}s`);
