/** The views of an open file, in the order of their tabs. */
export const VIEWS = [
  { id: 'bytes', label: 'Bytes' },
  { id: 'pages', label: 'Pages' },
  { id: 'devices', label: 'Devices' },
  { id: 'strings', label: 'Strings' },
  { id: 'findings', label: 'Findings' },
  { id: 'compare', label: 'Compare' },
] as const;

export type InspectorView = (typeof VIEWS)[number]['id'];

/** The view whose tab stands beside one's; around at the ends. */
export function viewBeside(view: InspectorView, direction: 1 | -1): InspectorView {
  const here = VIEWS.findIndex(({ id }) => id === view);
  return VIEWS[(here + direction + VIEWS.length) % VIEWS.length]?.id ?? view;
}
