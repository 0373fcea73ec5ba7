import { flushSync, mount, unmount } from 'svelte';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { StructureNode } from '@shared/contracts/inspect';
import type { Inspector } from '@shared/contracts/inspector';
import type { Children } from '@shared/contracts/inspector-port';
import { inspectorOf } from '../inspector.fixture';
import { OpenFile } from '../open-file.svelte';
import StructureTree from './StructureTree.svelte';
import { treeRows } from './tree-rows';

const leaf = (id: string, offset: number, length: number, over: Partial<StructureNode> = {}): StructureNode => ({
  id,
  kind: 'header',
  label: id.split('/').at(-1) ?? id,
  value: null,
  offset,
  length,
  meaning: '',
  source: 'u64 big-endian',
  pointsTo: null,
  children: [],
  ...over,
});

const header = leaf('ram/header', 20, 28, {
  source: null,
  children: [
    leaf('ram/header/version', 20, 4, { value: '1' }),
    leaf('ram/header/pages offset', 40, 8, { value: '0x1000', pointsTo: { offset: 4096, length: 4096 } }),
  ],
});
const roots: readonly StructureNode[] = [
  leaf('stream', 0, 8, {
    kind: 'container',
    source: null,
    children: [leaf('stream/magic', 0, 4, { kind: 'container' })],
  }),
  leaf('ram', 8, 12, {
    kind: 'section',
    source: null,
    children: [header, leaf('ram/pages', 4096, 4096, { kind: 'pages' })],
  }),
];
const withDevice = (): readonly StructureNode[] => [...roots, cpu];

/** A device with 300 fields of 8 bytes, which come in pages of 200. */
const DATA = 10_000;
const fields = Array.from({ length: 300 }, (_, at) =>
  leaf(`devices/cpu/data/${at}`, DATA + at * 8, 8, { kind: 'device', label: `field ${at}`, value: String(at) }),
);
const fieldsOf = (id: string, from: number): Children =>
  id === 'devices/cpu/data' ? { nodes: fields.slice(from, from + 200), total: 300 } : { nodes: [], total: 0 };
const cpu: StructureNode = leaf('devices/cpu', DATA, 2400, {
  kind: 'device',
  source: null,
  children: [leaf('devices/cpu/data', DATA, 2400, { kind: 'device', source: 'bytes', lazy: true })],
});

const given: Partial<Inspector> = {
  file: () =>
    Promise.resolve({
      name: 'x',
      size: 16_384,
      bytesOnDisk: null,
      report: null,
      failure: null,
      ramMap: [],
      ramMapFrom: null,
    }),
  tree: () => Promise.resolve(roots),
  children: (id, from) => Promise.resolve(fieldsOf(id, from)),
  fieldsAt: (offset) => Promise.resolve(fields.filter((field) => offset >= field.offset && offset < field.offset + 8)),
  findFields: (text) =>
    Promise.resolve({
      found: fields
        .filter(({ label }) => label.includes(text))
        .map((field) => ({ parent: 'devices/cpu/data', chain: [field] })),
      more: false,
    }),
  bytes: (_offset, length) => Promise.resolve(new Uint8Array(length)),
  layout: () => Promise.resolve({ segments: [{ offset: 0, length: 16_384, kind: 'data', pages: null }] }),
  presentPage: () => Promise.resolve(null),
};

const none = (): Promise<readonly []> => Promise.resolve([]);
let file: OpenFile;
let tree: Record<string, unknown>;
async function show(nodes: readonly StructureNode[]): Promise<void> {
  file = await OpenFile.open({
    session: { id: '1', path: '/x', reference: '/x', name: 'x', snapshot: null },
    api: inspectorOf({ ...given, tree: () => Promise.resolve(nodes) }),
    painterPort: new MessageChannel().port1,
    bookmarks: { list: none, keep: none, remove: none },
    ended: new Promise(() => undefined),
    close: () => Promise.resolve(),
  });
  tree = mount(StructureTree, { target: document.body, props: { file } });
  flushSync();
}
beforeEach(() => show(roots));
afterEach(async () => {
  await unmount(tree);
});

const items = (): HTMLElement[] => [...document.querySelectorAll<HTMLElement>('[role=treeitem]')];
const labels = (): string[] => items().map((item) => item.dataset['node'] ?? '');
const settled = async (): Promise<void> => {
  for (let turn = 0; turn < 20; turn += 1) await Promise.resolve();
  flushSync();
};
/** What is told of the cursor follows it a frame behind. */
async function told(): Promise<void> {
  await vi.waitFor(() => expect(file.told.offset).toBe(file.hex.cursor));
  flushSync();
}
async function press(key: string): Promise<void> {
  const target = document.querySelector('[role=treeitem][tabindex="0"]');
  target?.dispatchEvent(new KeyboardEvent('keydown', { key, bubbles: true, cancelable: true }));
  await settled();
}
const focused = (): string =>
  document.querySelector<HTMLElement>('[role=treeitem][tabindex="0"]')?.dataset['node'] ?? '';

describe('the structure tree', () => {
  it('is an ARIA tree with one tab stop, levels, and places among siblings', () => {
    expect(document.querySelectorAll('[role=tree]')).toHaveLength(1);
    expect(document.querySelectorAll('[role=treeitem][tabindex="0"]')).toHaveLength(1);
    const [stream] = items();
    expect(stream?.getAttribute('aria-level')).toBe('1');
    expect(stream?.getAttribute('aria-posinset')).toBe('1');
    expect(stream?.getAttribute('aria-setsize')).toBe('2');
    expect(stream?.getAttribute('aria-expanded')).toBe('false');
    expect(stream?.getAttribute('aria-selected')).toBe('true');
  });

  it('opens, closes and walks by arrow keys', async () => {
    expect(labels()).toEqual(['stream', 'ram']);
    await press('ArrowRight');
    expect(labels()).toEqual(['stream', 'stream/magic', 'ram']);
    await press('ArrowRight');
    expect(focused()).toBe('stream/magic');
    await press('ArrowLeft');
    expect(focused()).toBe('stream');
    await press('ArrowLeft');
    expect(labels()).toEqual(['stream', 'ram']);
    await press('End');
    expect(focused()).toBe('ram');
    await press('Home');
    expect(focused()).toBe('stream');
  });

  it('shows a field on Enter: the cursor is on its first byte, all of it selected', async () => {
    await press('ArrowDown');
    await press('ArrowRight');
    await press('ArrowDown');
    await press('ArrowRight');
    await press('ArrowDown');
    await press('ArrowDown');
    expect(focused()).toBe('ram/header/pages offset');
    await press('Enter');
    expect(file.hex.cursor).toBe(40);
    expect(file.hex.selection).toEqual({ from: 40, to: 48 });
    await told();
    const selected = items().filter((item) => item.getAttribute('aria-selected') === 'true');
    expect(selected.map((item) => item.dataset['node'])).toEqual(['ram/header/pages offset']);
  });

  it('outlines the field that decides where the cursor is', async () => {
    file.toggle('ram', true);
    file.toggle('ram/header', true);
    await file.hex.goTo(5000);
    await told();
    const decides = items().filter((item) => item.classList.contains('decides'));
    expect(decides.map((item) => item.dataset['node'])).toEqual(['ram/header/pages offset']);
  });

  it('filters as one types, and keeps what stands above a hit', async () => {
    const input = document.querySelector<HTMLInputElement>('input');
    if (input === null) throw new Error('there is a filter');
    input.value = '0x1000';
    input.dispatchEvent(new Event('input', { bubbles: true }));
    await settled();
    expect(labels()).toEqual(['ram', 'ram/header', 'ram/header/pages offset']);
  });
});

describe('fields of a device', () => {
  beforeEach(async () => {
    await unmount(tree);
    await show(withDevice());
  });

  const shown = (): readonly string[] =>
    treeRows(file.structure.roots, file.openNodes, null, file.fields.loaded).map(({ node }) => node.label);

  it('come when their node is opened, some at a time', async () => {
    await press('End');
    await press('ArrowRight');
    await press('ArrowRight');
    expect(focused()).toBe('devices/cpu/data');
    expect(items().at(-1)?.getAttribute('aria-expanded')).toBe('false');
    await press('ArrowRight');
    expect(shown()).toHaveLength(4 + 200 + 1);
    expect(shown().at(-1)).toBe('100 more');
    await press('End');
    await press('Enter');
    expect(shown()).toHaveLength(4 + 300);
    expect(shown().at(-1)).toBe('field 299');
  });

  it('are selected by Enter, and by the cursor', async () => {
    await file.fields.load('devices/cpu/data');
    file.toggle('devices/cpu', true);
    file.toggle('devices/cpu/data', true);
    flushSync();
    await file.hex.goTo(DATA + 17);
    await file.fields.follow(DATA + 17, true);
    await told();
    expect(file.leaf?.node.label).toBe('field 2');
    expect(file.leaf?.parents.map(({ id }) => id)).toEqual(['devices/cpu', 'devices/cpu/data']);
    const selected = items().filter((item) => item.getAttribute('aria-selected') === 'true');
    expect(selected.map((item) => item.dataset['node'])).toEqual(['devices/cpu/data/2']);
  });

  it('are found by a text although they were never opened', async () => {
    const input = document.querySelector<HTMLInputElement>('input');
    if (input === null) throw new Error('there is a filter');
    input.value = 'field 29';
    input.dispatchEvent(new Event('input', { bubbles: true }));
    await until(() => labels()[0] === 'devices/cpu');
    const all = [29, ...Array.from({ length: 10 }, (_, at) => 290 + at)].map((at) => `devices/cpu/data/${at}`);
    expect(labels().length).toBeGreaterThan(8);
    // Only rows in view exist.
    expect(labels()).toEqual(['devices/cpu', 'devices/cpu/data', ...all].slice(0, labels().length));
  });
});

async function until(holds: () => boolean): Promise<void> {
  for (const deadline = performance.now() + 5000; !holds();) {
    if (performance.now() > deadline) throw new Error('it did not come');
    await new Promise((resolve) => setTimeout(resolve, 10));
    flushSync();
  }
}
