import { flushSync } from 'svelte';
import { describe, expect, it, vi } from 'vitest';
import type { SectionReport, StructureNode } from '@shared/contracts/inspect';
import type { Children } from '@shared/contracts/inspector-port';
import { show, textOf } from '../../ui/testing.fixture';
import { deviceEntries, deviceFacts } from './device-list';
import { DevicesState } from './devices-state.svelte';
import { registerTables } from './register-rows';
import RegisterTables from './RegisterTables.svelte';

const node = (id: string, over: Partial<StructureNode> = {}): StructureNode => ({
  id,
  kind: 'device',
  label: id.split('/').at(-1) ?? id,
  value: null,
  offset: 100,
  length: 8,
  meaning: '',
  source: null,
  pointsTo: null,
  children: [],
  ...over,
});
const roots: readonly StructureNode[] = [
  node('ram'),
  node('devices', {
    children: [
      node('section/3', {
        label: 'cpu #1',
        offset: 100,
        length: 2000,
        children: [
          node('section/3/type'),
          node('section/3/registers', { lazy: true, length: 0 }),
          node('section/3/data', { lazy: true, offset: 120, length: 1900 }),
        ],
      }),
      node('section/4', { label: 'odd', offset: 2100, length: 30, children: [node('section/4/data', { length: 9 })] }),
    ],
  }),
];
const section = (offset: number, name: string, instance: number, version: number): SectionReport => ({
  type: 'full',
  id: 1,
  name,
  instance,
  version,
  offset,
});
const report = { sections: [section(100, 'cpu', 1, 12), section(2100, 'odd', 0, 2)] };

const come: Readonly<Record<string, Children>> = {
  'section/3/data': { nodes: [node('section/3/data/0', { label: 'env.eip' })], total: 3 },
  'section/3/registers': { nodes: [node('section/3/registers/0', { label: 'rip', value: '0x1000' })], total: 1 },
};
const state = (): DevicesState =>
  new DevicesState(
    {
      children: async (id) => come[id] ?? { nodes: [], total: 0 },
      fieldsAt: async () => [],
      findFields: async (text) => ({
        found: [{ parent: 'section/3/data', chain: [node('section/3/data/7', { label: text })] }],
        more: false,
      }),
    },
    roots,
    report,
    (error) => expect(error).toBe(null),
  );

describe('devices', () => {
  it('are listed with instance, version and place', () => {
    expect(deviceEntries(roots, report).map((entry) => [entry.name, entry.instance, deviceFacts(entry)])).toEqual([
      ['cpu', 1, 'version 12, 2\u00a0000\u00a0bytes at 0x64'],
      ['odd', 0, 'version 2, 30\u00a0bytes at 0x834'],
    ]);
    expect(deviceEntries([], null)).toEqual([]);
  });

  it('have fields, which are asked for when one is looked at, and registers if they are CPUs', async () => {
    const devices = state();
    devices.select(0);
    await vi.waitFor(() => expect(devices.registers).toHaveLength(1));
    expect(devices.rows.map((row) => row.node.label)).toEqual(['env.eip', '2 more']);
    expect(devices.loadMore('section/3/data/more')).toBe(true);
    expect(devices.loadMore('section/3/data/0')).toBe(false);
  });

  it('that nobody describes show what their section consists of', () => {
    const devices = state();
    devices.select(1);
    expect(devices.registers).toBe(null);
    expect(devices.rows.map((row) => row.node.id)).toEqual(['section/4/data']);
  });

  it('are looked through all at once', async () => {
    const devices = state();
    devices.filter = 'cmos';
    await devices.fields.find('cmos');
    expect(devices.rows.map((row) => row.node.label)).toEqual(['cpu #1', 'data', 'cmos']);
  });
});

describe('registers', () => {
  const register = (label: string, value: string): StructureNode => node(`r/${label}`, { label, value });
  const registers = [
    register('rax', '0x2'),
    register('rip', '0xffffffff81000000'),
    register('rflags', '0x246'),
    register('cs.selector', '0x10'),
    register('cs.base', '0x0'),
    register('cr3', '0x3465001'),
  ];

  it('stand in tables, those of one name in one line', () => {
    expect(
      registerTables(registers, 1).map(({ title, lines }) => [
        title,
        lines.map((line) => [line.title, line.parts.length]),
      ]),
    ).toEqual([
      [
        'General',
        [
          ['rax', 1],
          ['rip', 1],
          ['rflags', 1],
        ],
      ],
      ['Segments', [['cs', 2]]],
      ['Control', [['cr3', 1]]],
    ]);
  });

  it('lead to the bytes that hold them, and to where they point; arrows go through them', () => {
    const onfield = vi.fn<(node: StructureNode) => void>();
    const ongoal = vi.fn();
    const root = show(RegisterTables, { registers, cpu: 1, onfield, ongoal });
    expect([...root.querySelectorAll('caption')].map(textOf)).toEqual(['General', 'Segments', 'Control']);
    const buttons = [...root.querySelectorAll('button')];
    expect(buttons.filter((button) => button.tabIndex === 0).map(textOf)).toEqual(['rax']);
    expect(textOf(root)).toContain('rflags 0x246 PF ZF IF IOPL 0');
    buttons[0]?.focus();
    for (const key of ['ArrowDown', 'ArrowRight', 'ArrowRight', 'ArrowUp'])
      document.activeElement?.dispatchEvent(new KeyboardEvent('keydown', { key, bubbles: true, cancelable: true }));
    flushSync();
    expect(document.activeElement && textOf(document.activeElement)).toBe('0xffffffff81000000');
    expect(buttons.filter((button) => button.tabIndex === 0)).toEqual([document.activeElement]);
    for (const name of ['rip', '0xffffffff81000000', '0x3465001'])
      buttons.find((button) => textOf(button) === name)?.click();
    expect(onfield.mock.calls.map(([{ label }]) => label)).toEqual(['rip']);
    expect(ongoal.mock.calls).toEqual([[{ kind: 'gva', text: 'rip @ 1' }], [{ kind: 'gpa', text: '0x3465000' }]]);
  });
});
