import { describe, expect, test } from 'vitest';
import { fail } from '@shared/contracts/failure';
import { UndoStack } from './undo';

describe('putting back', () => {
  test('runs last first, each once', async () => {
    const done: string[] = [];
    const undo = new UndoStack();
    for (const name of ['folder', 'settings', 'fdset']) undo.push(name, () => Promise.resolve(void done.push(name)));
    expect(await undo.run()).toEqual([]);
    await undo.run();
    expect(done).toEqual(['fdset', 'settings', 'folder']);
  });

  test('a step done early is not done again, a dropped one never', async () => {
    const done: string[] = [];
    const undo = new UndoStack();
    const early = undo.push('early', () => Promise.resolve(void done.push('early')));
    undo.push('dropped', () => Promise.resolve(void done.push('dropped'))).drop();
    await early.now();
    await early.now();
    await undo.run();
    expect(done).toEqual(['early']);
  });

  test('a step that fails is told and does not stop the others', async () => {
    const done: string[] = [];
    const undo = new UndoStack();
    undo.push('first', () => Promise.resolve(void done.push('first')));
    undo.push('second', () => Promise.reject(fail('qemu.gone', 'asking', 'QEMU is gone', 'Look at it.')));
    expect(await undo.run()).toMatchObject([{ code: 'qemu.gone', what: 'QEMU is gone', todo: 'Look at it.' }]);
    expect(done).toEqual(['first']);
  });
});
