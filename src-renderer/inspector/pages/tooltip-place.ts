/** Where a tooltip goes: beside its cell, over as little as may be of the cells that must stay in view. */

export interface Box {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

const GAP = 6;

const meet = (a: Box, b: Box): boolean =>
  a.x < b.x + b.width && b.x < a.x + a.width && a.y < b.y + b.height && b.y < a.y + a.height;

/**
 * The top left corner of a box of this size near `cell`, inside `room`. Of the places above and below, to the right and to the left,
 * the first one that covers the fewest of `keep`.
 */
export function tooltipPlace(
  cell: Box,
  size: { readonly width: number; readonly height: number },
  room: { readonly width: number; readonly height: number },
  keep: readonly Box[],
): { readonly x: number; readonly y: number } {
  const inside = (at: number, length: number, most: number): number => Math.max(0, Math.min(at, most - length));
  const across = [cell.x + cell.width + GAP, cell.x - size.width - GAP, cell.x];
  const down = [cell.y - size.height - GAP, cell.y + cell.height + GAP];
  const far = [0, room.height - size.height];
  const places = [...down, ...far].flatMap((y) =>
    across.map((x) => ({ x: inside(x, size.width, room.width), y: inside(y, size.height, room.height) })),
  );
  const row = { ...cell, x: 0, width: room.width };
  const covered = places.map((place) => {
    const tip = { ...place, ...size };
    // Its own cell never; its row only when that spares a cell that is to stay in view.
    return (meet(tip, cell) ? 1e6 : 0) + (meet(tip, row) ? 0.5 : 0) + keep.filter((box) => meet(tip, box)).length;
  });
  return places[covered.indexOf(Math.min(...covered))] ?? { x: 0, y: 0 };
}
