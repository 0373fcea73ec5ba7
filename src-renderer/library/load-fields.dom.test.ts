import type { RestoreOptions } from '@shared/contracts/library';
import { flushSync } from 'svelte';
import { beforeEach, expect, test } from 'vitest';
import { disclosures } from '../ui/disclosures.svelte';
import { field, show, textOf, the } from '../ui/testing.fixture';
import { exampleLoad } from './entry.fixture';
import LoadFields from './LoadFields.svelte';

beforeEach(() => {
  if (disclosures.isOpen('restore-engine')) disclosures.toggle('restore-engine');
});

function opened(load = exampleLoad()): [HTMLElement, RestoreOptions['engine'][]] {
  const chosen: RestoreOptions['engine'][] = [];
  const root = show(LoadFields, {
    load,
    value: 'auto',
    onchange: (engine: RestoreOptions['engine']) => chosen.push(engine),
  });
  the(root, 'button').click();
  flushSync();
  return [root, chosen];
}

test('shut, it says which engine loads and why', () => {
  const root = show(LoadFields, { load: exampleLoad(), value: 'auto', onchange: () => undefined });
  expect(textOf(root)).toBe('Engine Auto takes native: QEMU 10.0.2 reads mapped-ram files.');
});

test.each<[RestoreOptions['engine'], boolean, string]>([
  ['auto', true, 'Takes native: QEMU 10.0.2 reads mapped-ram files.'],
  ['native', true, 'QEMU reads the file itself.'],
  ['channels', false, 'Cannot: the recipe gives its memory a backend of its own.'],
  ['emit', true, 'A worker makes a stream of the file, which any QEMU reads.'],
])('%s can be chosen: %s; it says “%s”', (engine, possible, words) => {
  const [root, chosen] = opened();
  const input = field(root, `input[value=${engine}]`);
  expect(input.disabled).toBe(!possible);
  expect(textOf(the(root, `[id="${input.getAttribute('aria-describedby') ?? ''}"]`))).toBe(words);
  input.click();
  expect(chosen).toEqual(possible && engine !== 'auto' ? [engine] : []);
});
