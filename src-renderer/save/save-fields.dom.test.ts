import type { SaveOptions } from '@shared/contracts/saves';
import { describe, expect, test } from 'vitest';
import { field, show, textOf, the, type } from '../ui/testing.fixture';
import { exampleOutlook } from './example.fixture';
import { firstForm, type SaveForm } from './form';
import SaveFields from './SaveFields.svelte';

const running = { state: 'running' } as const;
const form = (over: Partial<SaveForm> = {}): SaveForm => ({
  name: 'a',
  note: '',
  mode: 'live',
  channels: 2,
  directIo: true,
  after: 'run',
  engine: 'auto',
  flush: 'auto',
  releaseEarly: false,
  liveLimitSeconds: 120,
  ...over,
});
const radio = (root: HTMLElement, group: string, value: string): HTMLElement =>
  the(root, `[role=radiogroup][aria-label="${group}"] [data-value="${value}"]`);

describe('what the fields start as', () => {
  const machine = { state: 'running' } as Parameters<typeof firstForm>[0];

  test('a running guest is saved live and runs on', () =>
    expect(firstForm(machine, exampleOutlook())).toMatchObject({ mode: 'live', after: 'run', directIo: true }));

  test('a paused guest is saved paused and stays paused', () =>
    expect(firstForm({ ...machine, state: 'paused' }, exampleOutlook())).toMatchObject({
      mode: 'paused',
      after: 'pause',
    }));

  test('a guest that QEMU cannot save live is saved paused', () =>
    expect(firstForm(machine, exampleOutlook({ liveBlocked: 'QEMU may miss pages' })).mode).toBe('paused'));

  test('direct I/O is off where the file system refuses it', () =>
    expect(firstForm(machine, exampleOutlook({ directIoPossible: false })).directIo).toBe(false));
});

describe('the fields', () => {
  test.each<[string, string, keyof SaveOptions, string]>([
    ['Guest', 'paused', 'mode', 'paused'],
    ['Afterwards', 'quit', 'after', 'quit'],
    ['Flush', 'none', 'flush', 'none'],
  ])('%s: %s is handed on', (group, value, option, expected) => {
    const changes: SaveForm[] = [];
    const root = show(SaveFields, {
      machine: running,
      outlook: exampleOutlook(),
      form: form(),
      onchange: (changed: SaveForm) => changes.push(changed),
    });
    radio(root, group, value).click();
    expect(changes).toEqual([{ ...form(), [option]: expected }]);
  });

  test('says why QEMU cannot save this guest live, and takes the choice away', () => {
    const root = show(SaveFields, {
      machine: running,
      outlook: exampleOutlook({ liveBlocked: 'QEMU may miss pages' }),
      form: form({ mode: 'paused' }),
      onchange: () => undefined,
    });
    expect(radio(root, 'Guest', 'live').hasAttribute('disabled')).toBe(true);
    expect(textOf(root)).toContain('QEMU may miss pages. The guest stops first.');
  });

  test('a guest that stands still cannot be saved live', () => {
    const root = show(SaveFields, {
      machine: { state: 'paused' },
      outlook: exampleOutlook(),
      form: form({ mode: 'paused' }),
      onchange: () => undefined,
    });
    expect(radio(root, 'Guest', 'live').hasAttribute('disabled')).toBe(true);
    expect(textOf(root)).toContain('The guest stands still already.');
    expect(textOf(root)).not.toContain('Time limit');
  });

  test.each([
    ['0', false],
    ['1', true],
    ['16', true],
    ['17', false],
    ['2.5', false],
    ['', false],
  ])('%s channels are fine: %s', (text, fine) => {
    let changed = form();
    const root = show(SaveFields, {
      machine: running,
      outlook: exampleOutlook(),
      form: changed,
      onchange: (next: SaveForm) => (changed = next),
    });
    type(field(root, 'input[max="16"]'), text);
    const again = show(SaveFields, {
      machine: running,
      outlook: exampleOutlook(),
      form: changed,
      onchange: () => undefined,
    });
    expect(again.querySelector('input[max="16"]')?.getAttribute('aria-invalid') ?? null).toBe(fine ? null : 'true');
  });

  test('says that a QEMU has no direct I/O, and takes the choice away', () => {
    const root = show(SaveFields, {
      machine: running,
      outlook: exampleOutlook({ directIoPossible: false }),
      form: form({ directIo: false }),
      onchange: () => undefined,
    });
    expect(field(root, 'input[type=checkbox]').disabled).toBe(true);
    expect(textOf(root)).toContain('This QEMU has no direct I/O for saves.');
  });

  test.each<[SaveOptions['after'], boolean]>([
    ['run', true],
    ['pause', true],
    ['quit', false],
  ])('afterwards %s: warns of disks that go on changing: %s', (after, warns) => {
    const root = show(SaveFields, {
      machine: running,
      outlook: exampleOutlook({ writableDisks: ['deb13.qcow2'] }),
      form: form({ after }),
      onchange: () => undefined,
    });
    expect(textOf(root).includes('deb13.qcow2 goes on changing')).toBe(warns);
  });

  test('says when the library has no room', () => {
    const root = show(SaveFields, {
      machine: running,
      outlook: exampleOutlook({ freeBytes: 1e9 }),
      form: form(),
      onchange: () => undefined,
    });
    expect(textOf(the(root, '[role=note]'))).toBe(
      '1.00 GB are free in the library, and the file may grow to 8.16 GiB.',
    );
  });
});
