import { describe, expect, it } from 'vitest';
import { quitQuestion } from './quit-question';

describe('leaving the app', () => {
  it('asks nothing when nothing is being written', () => {
    expect(quitQuestion([], [])).toBeNull();
  });

  it.each<[string, readonly string[], readonly string[], string, string]>([
    [
      'a save',
      ['deb13'],
      [],
      'Quit and cancel the save?',
      'deb13 is being saved. The unfinished file is removed. The VMs go on as before. The library stays as it was.',
    ],
    [
      'a conversion',
      [],
      ['old.save'],
      'Quit and cancel the conversion?',
      'old.save is being converted. The unfinished file is removed.',
    ],
    [
      'both',
      ['deb13', 'web'],
      ['old.save'],
      'Quit and cancel the saves and the conversion?',
      'deb13, web are being saved. old.save is being converted. The unfinished files are removed. The VMs go on as before. The library stays as it was.',
    ],
  ])('with %s under way says what is cancelled and what becomes of it', (_, saves, conversions, message, detail) => {
    expect(quitQuestion(saves, conversions)).toEqual({ message, detail, buttons: ['Keep writing', 'Cancel and quit'] });
  });
});
