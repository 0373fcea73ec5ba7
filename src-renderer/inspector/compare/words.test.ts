import { describe, expect, it } from 'vitest';
import { doneSentence, progressSentence, stoppedSentence } from './words';

const plain = (text: string): string => text.replace(/\s/g, ' ');
describe('a comparison says', () => {
  it('how far it is, how fast, and how long it takes', () => {
    const progress = { done: 1_200_000_000, bytes: 3_600_000_000, milliseconds: 1500 };
    expect(plain(progressSentence(progress))).toBe('Comparing, 33 %. 1.20 GB of 3.60 GB, 800 MB/s, 3 s left.');
    expect(plain(stoppedSentence(progress))).toBe('Stopped at 33 %: 1.20 GB of 3.60 GB are compared.');
    expect(stoppedSentence({ done: 0, bytes: 0, milliseconds: 0 })).toBe('Stopped before the pages were compared.');
    expect(plain(doneSentence(progress))).toBe('3.60 GB of pages compared in 1.5 s, 2 400 MB/s.');
    expect(plain(progressSentence({ done: 0, bytes: 10, milliseconds: 0 }))).toContain('time left unknown');
  });
});
