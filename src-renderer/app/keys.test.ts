import { describe, expect, test } from 'vitest';
import { capOf, isSingleKey, matches, type Stroke } from './keys';

const stroke = (key: string, ...held: ('ctrl' | 'alt' | 'shift' | 'meta')[]): Stroke => ({
  key,
  ctrlKey: held.includes('ctrl'),
  altKey: held.includes('alt'),
  shiftKey: held.includes('shift'),
  metaKey: held.includes('meta'),
});

describe('a binding answers to its own keys alone', () => {
  test.each([
    ['s', stroke('s'), true],
    ['s', stroke('S'), true],
    ['s', stroke('S', 'shift'), false],
    ['s', stroke('s', 'ctrl'), false],
    ['s', stroke('s', 'meta'), false],
    ['Space', stroke(' '), true],
    ['?', stroke('?', 'shift'), true],
    ['/', stroke('/'), true],
    ['/', stroke('/', 'shift'), true],
    ['Ctrl+K', stroke('k', 'ctrl'), true],
    ['Ctrl+K', stroke('k', 'ctrl', 'shift'), false],
    ['Ctrl+.', stroke('.', 'ctrl'), true],
    ['Alt+1', stroke('1', 'alt'), true],
    ['Alt+1', stroke('1'), false],
    ['F6', stroke('F6'), true],
    ['F6', stroke('F6', 'shift'), false],
    ['Shift+F6', stroke('F6', 'shift'), true],
    ['Delete', stroke('Delete'), true],
    ['+', stroke('+', 'shift'), true],
  ])('%s and %j: %s', (keys, pressed, answer) => expect(matches(keys, pressed)).toBe(answer));
});

test('single keys are those that type something', () => {
  expect(['s', 'Space', '/', '?'].map(isSingleKey)).toEqual([true, true, true, true]);
  expect(['F2', 'Delete', 'Enter', 'Ctrl+K', 'Alt+1', 'Escape'].map(isSingleKey)).toEqual(Array(6).fill(false));
});

test('keys are drawn short', () => {
  expect(['s', 'Delete', 'Escape', 'Ctrl+K', '+'].map(capOf)).toEqual(['S', 'Del', 'Esc', 'Ctrl+K', '+']);
});
