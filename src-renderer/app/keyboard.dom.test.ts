import { beforeEach, describe, expect, onTestFinished, test } from 'vitest';
import { Keyboard } from './keyboard.svelte';
import { Navigation } from './navigation.svelte';

let navigation: Navigation;
let singleKeys: boolean;
let keyboard: Keyboard;
let did: string[];
beforeEach(() => {
  navigation = new Navigation();
  singleKeys = true;
  keyboard = new Keyboard(navigation, () => singleKeys);
  did = [];
});

const binding = (keys: string, says: string) => ({ keys, label: says, run: () => did.push(says), hint: true });

function press(key: string, over: KeyboardEventInit = {}): KeyboardEvent {
  const event = new KeyboardEvent('keydown', { key, cancelable: true, ...over });
  keyboard.handle(event);
  return event;
}

/** Puts an element into the page and the focus on it. */
function focused(html: string): void {
  document.body.innerHTML = html;
  document.body.querySelector<HTMLElement>('[data-here]')?.focus();
  onTestFinished(() => {
    document.body.innerHTML = '';
  });
}

describe('which binding acts', () => {
  test('that of the room shown, and the newest of them', () => {
    keyboard.add({ room: null, title: 'all', bindings: () => [binding('s', 'everywhere')] });
    keyboard.add({ room: 'machines', title: 'm', bindings: () => [binding('s', 'save')] });
    keyboard.add({ room: 'library', title: 'l', bindings: () => [binding('s', 'no')] });
    press('s');
    navigation.go('inspector');
    press('s');
    expect(did).toEqual(['save', 'everywhere']);
  });

  test('none of a view that has left, also when its successor came first', () => {
    const leave = keyboard.add({ room: 'machines', title: 'old', bindings: () => [binding('s', 'old')] });
    keyboard.add({ room: 'machines', title: 'new', bindings: () => [binding('s', 'new')] });
    leave();
    press('s');
    expect(did).toEqual(['new']);
    expect(keyboard.active.map(({ title }) => title)).toEqual(['new']);
  });

  test('it takes the key from the browser, and nothing else is taken', () => {
    keyboard.add({ room: null, title: 'all', bindings: () => [binding('Ctrl+K', 'commands')] });
    expect(press('k', { ctrlKey: true }).defaultPrevented).toBe(true);
    expect(press('k').defaultPrevented).toBe(false);
  });
});

test('a key that two layers bind is hinted once, as the newer one has it', () => {
  keyboard.add({ room: null, title: 'all', bindings: () => [binding('/', 'find'), binding('g', 'go')] });
  keyboard.add({ room: 'machines', title: 'm', bindings: () => [binding('/', 'filter')] });
  expect(keyboard.hints.map(({ keys, label }) => [keys, label])).toEqual([
    ['/', 'filter'],
    ['g', 'go'],
  ]);
});

describe('single keys', () => {
  beforeEach(() => {
    keyboard.add({ room: null, title: 'all', bindings: () => [binding('s', 'save'), binding('F2', 'rename')] });
  });

  test('do nothing when they are switched off, and are not hinted at', () => {
    singleKeys = false;
    press('s');
    press('F2');
    expect(did).toEqual(['rename']);
    expect(keyboard.hints.map(({ label }) => label)).toEqual(['rename']);
  });

  test('do nothing while somebody types', () => {
    focused('<input data-here>');
    press('s');
    press('F2');
    expect(did).toEqual(['rename']);
  });
});

test('a button keeps Space and Enter for itself', () => {
  keyboard.add({ room: null, title: 'all', bindings: () => [binding('Space', 'pause'), binding('s', 'save')] });
  focused('<button data-here>Start</button>');
  press(' ');
  press('s');
  expect(did).toEqual(['save']);
});

test('an open dialog has the keys', () => {
  keyboard.add({ room: null, title: 'all', bindings: () => [binding('Escape', 'cancel')] });
  focused('<dialog open></dialog>');
  press('Escape');
  expect(did).toEqual([]);
});
