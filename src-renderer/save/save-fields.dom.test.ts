import type { SaveOptions } from '@shared/contracts/saves';
import { flushSync } from 'svelte';
import { beforeEach, describe, expect, test } from 'vitest';
import { disclosures } from '../ui/disclosures.svelte';
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
  rateLimit: null,
  ...over,
});
const radio = (root: HTMLElement, group: string, value: string): HTMLElement =>
  the(root, `[role=radiogroup][aria-label="${group}"] [data-value="${value}"]`);

/** Opens the part with engine and flush, which is shut at first and then stays as it was left. */
function open(root: HTMLElement): HTMLElement {
  const button = the(root, 'button[aria-expanded]');
  if (button.getAttribute('aria-expanded') === 'false') {
    button.click();
    flushSync();
  }
  return root;
}
const engine = (root: HTMLElement, value: string): HTMLInputElement =>
  field(root, `[role=radiogroup][aria-label=Engine] input[value=${value}]`);
/** The sentence that a radio button is described by. */
const wordsOf = (root: HTMLElement, input: HTMLInputElement): string =>
  textOf(the(root, `[id="${input.getAttribute('aria-describedby') ?? ''}"]`));

beforeEach(() => {
  if (disclosures.isOpen('save-engine')) disclosures.toggle('save-engine');
});

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

  test('engine and flush are left to auto, with direct I/O where it is possible', () =>
    expect(firstForm(machine, exampleOutlook({ directIoPossible: false }))).toMatchObject({
      engine: 'auto',
      flush: 'auto',
      directIo: true,
    }));
});

describe('the fields', () => {
  test.each<[string, string, keyof SaveOptions, string]>([
    ['Guest', 'paused', 'mode', 'paused'],
    ['Afterwards', 'quit', 'after', 'quit'],
    ['Flush', 'none', 'flush', 'none'],
    ['Flush', 'end', 'flush', 'end'],
    ['Flush', 'ranged', 'flush', 'ranged'],
    ['Flush', 'direct', 'flush', 'direct'],
  ])('%s: %s is handed on', (group, value, option, expected) => {
    const changes: SaveForm[] = [];
    const root = show(SaveFields, {
      machine: running,
      outlook: exampleOutlook(),
      form: form(),
      onchange: (changed: SaveForm) => changes.push(changed),
    });
    radio(open(root), group, value).click();
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
    type(field(open(root), 'input[max="16"]'), text);
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
    expect(field(open(root), 'input[type=checkbox]').disabled).toBe(true);
    expect(radio(root, 'Flush', 'direct').hasAttribute('disabled')).toBe(true);
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

describe('engine and flush', () => {
  const shown = (over: Partial<SaveForm> = {}, outlook = exampleOutlook()): [HTMLElement, SaveForm[]] => {
    const changes: SaveForm[] = [];
    const onchange = (next: SaveForm): number => changes.push(next);
    return [show(SaveFields, { machine: running, outlook, form: form(over), onchange }), changes];
  };

  test('are shut at first, say what auto does, and stay open once opened', () => {
    const [root] = shown();
    const button = the(root, 'button[aria-expanded]');
    expect(button.getAttribute('aria-expanded')).toBe('false');
    expect(root.querySelector('[role=radiogroup][aria-label=Engine]')).toBeNull();
    expect(textOf(the(root, `[id="${button.getAttribute('aria-describedby') ?? ''}"]`))).toBe(
      'Auto takes native, 2 channels, direct I/O. Flush: auto.',
    );
    open(root);
    expect(the(root, `[id="${button.getAttribute('aria-controls') ?? ''}"]`).getAttribute('role')).toBe('group');
    const [again] = shown();
    expect(the(again, 'button[aria-expanded]').getAttribute('aria-expanded')).toBe('true');
    expect(localStorage.getItem('stillframe.disclosures')).toBe('["save-engine"]');
  });

  test.each<[SaveForm['mode'], string, boolean, string]>([
    ['live', 'auto', true, 'Takes native: QEMU writes the file itself, and tracks what the guest changes.'],
    ['live', 'native', true, 'QEMU writes the file itself and tracks what a guest changes.'],
    ['live', 'channels', false, 'Cannot: channels copy the memory of a paused VM only.'],
    ['paused', 'auto', true, 'Takes channels: the VM’s memory is shared.'],
    ['paused', 'channels', true, 'Workers copy the memory past QEMU, and take digests.'],
  ])('%s, %s can be chosen: %s; it says “%s”', (mode, value, possible, words) => {
    const [root, changes] = shown({ mode, engine: value === 'auto' ? 'native' : 'auto' });
    const input = engine(open(root), value);
    expect(input.disabled).toBe(!possible);
    expect(wordsOf(root, input)).toBe(words);
    input.click();
    expect(changes.map((next) => next.engine)).toEqual(possible ? [value] : []);
  });

  test('an engine that main does not tell of is not offered', () =>
    expect(open(shown()[0]).querySelector('input[value=ingest]')).toBeNull());

  test('a choice that the mode rules out shows as auto', () => {
    const [root] = shown({ mode: 'live', engine: 'channels' });
    expect([engine(open(root), 'auto').checked, engine(root, 'channels').checked]).toEqual([true, false]);
  });

  test.each<[Partial<SaveForm>, boolean]>([
    [{ after: 'quit' }, true],
    [{ after: 'quit', flush: 'none' }, false],
    [{ after: 'run' }, false],
    [{ after: 'pause' }, false],
  ])('with %j QEMU can be released before the flush: %s, and the risk is said', (over, possible) => {
    const [root, changes] = shown(over);
    expect(
      textOf(root).includes(
        'If the machine loses power before the flush is over, both the VM and the snapshot are lost.',
      ),
    ).toBe(possible);
    if (!possible) return;
    field(root, 'input[type=checkbox]').click();
    expect(changes.map(({ releaseEarly }) => releaseEarly)).toEqual([true]);
  });

  test.each<[SaveForm['engine'], RegExp]>([
    ['native', /Threads of QEMU that write at once/],
    ['channels', /Workers that copy at once/],
    ['ingest', /Not used: a stream is read in its order/],
  ])('what channels are in a save by %s is said', (name, words) => {
    const outlook = exampleOutlook({
      engines: [{ engine: 'ingest', blocked: { live: null, paused: null } }],
    });
    expect(textOf(open(shown({ mode: 'paused', engine: name }, outlook)[0]))).toMatch(words);
  });

  test('when no engine can save it, auto says so', () => {
    const [root] = shown({ mode: 'paused' }, exampleOutlook({ auto: { live: null, paused: null }, engines: [] }));
    expect(wordsOf(root, engine(open(root), 'auto'))).toBe('Cannot: no engine can save this VM so.');
    expect(radio(root, 'Guest', 'live').hasAttribute('disabled')).toBe(true);
  });
});
