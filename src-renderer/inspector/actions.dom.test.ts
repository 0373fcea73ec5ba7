import { describe, expect, it, vi } from 'vitest';
import { InspectorActions } from './actions.svelte';
import type { OpenFile } from './open-file.svelte';
import type { InspectorView } from './views';

const report = {
  ramBlocks: [{ name: 'pc.ram', pagesOffset: 4096, pagesTotal: 8, pageSize: 4096 }],
};
const file = {
  source: { path: '/a' },
  session: { name: 'a' },
  file: { report },
  hex: { cursor: 8192, selection: { from: 8192, to: 8200 } },
  marks: { list: [] },
  place: null,
  leaf: null,
} as unknown as OpenFile;

function actionsOn(shown: OpenFile | null, compares = true) {
  const open = vi.fn();
  const opened: unknown[] = [];
  const actions = new InspectorActions({
    room: {
      file: shown,
      open: async (target) => void opened.push(target),
      compare: async () => compares,
    },
    dialogs: { open },
    shell: { chooseFile: async () => '/chosen' },
  });
  return { actions, open, opened };
}

describe('the actions of the inspector', () => {
  it.each<[InspectorView, boolean, InspectorView]>([
    ['bytes', true, 'compare'],
    ['pages', true, 'pages'],
    ['devices', false, 'devices'],
  ])('from %s, a comparison (begun: %s) leads to %s', async (before, begun, after) => {
    const { actions } = actionsOn(file, begun);
    actions.view = before;
    actions.comparing = true;
    await actions.compare({ path: '/b' });
    expect([actions.view, actions.comparing]).toEqual([after, false]);
  });

  it('show the bytes of a file that was chosen', async () => {
    const { actions, opened } = actionsOn(null);
    actions.view = 'findings';
    await actions.choose();
    expect([actions.view, opened]).toEqual(['bytes', [{ path: '/chosen' }]]);
  });

  it('export what is selected among the bytes, or pages, as the memory of their block', () => {
    const { actions, open } = actionsOn(file);
    actions.export();
    actions.exportPages({ name: 'pc.ram', pages: 8, pageSize: 4096, pagesOffset: 4096 }, { from: 2, to: 5 });
    expect(
      open.mock.calls.map(([dialog]) => (dialog as { subject: { selection: unknown } }).subject.selection),
    ).toEqual([
      { kind: 'memory', range: { block: 'pc.ram', start: 4096, end: 4104 } },
      { kind: 'memory', range: { block: 'pc.ram', start: 8192, end: 20_480 } },
    ]);
  });

  it('ask for a bookmark of what is selected', () => {
    const { actions } = actionsOn(file);
    actions.mark();
    expect(actions.marking).toMatchObject({ kept: false, bookmark: { offset: 8192, length: 8 } });
  });

  it('do nothing while no file is shown', () => {
    const { actions, open } = actionsOn(null);
    actions.mark();
    actions.export();
    expect([actions.marking, open.mock.calls]).toEqual([null, []]);
  });
});
