import { expect, it } from 'vitest';
import { hexColumnAt } from './panes';

const metrics = { cell: 21, groupGap: 8 };

it.each([
  [0, 0],
  [20.9, 0],
  [21, 1],
  [167, 7],
  [168, 7],
  [175.9, 7],
  [176, 8],
  [197, 9],
  [16 * 21 + 8 - 1, 15],
])('%f pixels into the hex pane is column %i', (x, column) => expect(hexColumnAt(x, metrics)).toBe(column));
