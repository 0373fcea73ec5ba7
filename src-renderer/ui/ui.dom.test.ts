import { flushSync } from 'svelte';
import { expect, test } from 'vitest';
import QuestionDialog from '../app/QuestionDialog.svelte';
import ProgressBar from './ProgressBar.svelte';
import Segmented from './Segmented.svelte';
import { show, textOf, the } from './testing.fixture';

const press = (element: Element, key: string): void => {
  element.dispatchEvent(new KeyboardEvent('keydown', { key, bubbles: true, cancelable: true }));
  flushSync();
};

test('a segmented control is one tab stop; arrows choose and skip what is disabled', () => {
  const chosen: string[] = [];
  const root = show(Segmented, {
    label: 'Letter',
    options: [
      { value: 'a', text: 'A' },
      { value: 'b', text: 'B', disabled: true },
      { value: 'c', text: 'C' },
    ],
    value: 'a',
    onchange: (value: string) => chosen.push(value),
  });
  expect(root.querySelectorAll('[tabindex="0"]')).toHaveLength(1);
  press(the(root, '[role=radiogroup]'), 'ArrowRight');
  press(the(root, '[role=radiogroup]'), 'ArrowLeft');
  expect(chosen).toEqual(['c', 'c']);
});

test('a question puts the focus on the safe verb, and closing it answers no', () => {
  const answers: boolean[] = [];
  const root = show(QuestionDialog, {
    question: { title: 'Cancel the save?', body: 'The file is removed.', act: 'Cancel save', keep: 'Keep saving' },
    onanswer: (yes: boolean) => answers.push(yes),
  });
  expect(document.activeElement && textOf(document.activeElement)).toBe('Keep saving');
  the(root, 'dialog').dispatchEvent(new Event('cancel', { cancelable: true }));
  expect(answers).toEqual([false]);
});

test('progress that nobody knows has no value', () => {
  const bar = (fraction: number | null): Element =>
    the(show(ProgressBar, { label: 'Save', fraction }), '[role=progressbar]');
  expect(bar(null).getAttribute('aria-valuenow')).toBeNull();
  expect(bar(0.424).getAttribute('aria-valuenow')).toBe('42');
  expect(bar(1.7).getAttribute('aria-valuenow')).toBe('100');
});
