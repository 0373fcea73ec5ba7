/** Asks the worker for what is drawn. */
import { OVERVIEW_COUNTS, type InspectorPagesApi } from '@shared/contracts/inspector-pages';
import type { CellFacts } from './codes';

type Api = Pick<InspectorPagesApi, 'pages' | 'overview'>;

/** What is known of `cells` cells of `perCell` pages each from page `first` on; fewer where the block, of `pages`, ends. */
export async function loadCells(
  api: Api,
  block: { readonly name: string; readonly pages: number },
  first: number,
  perCell: number,
  cells: number,
): Promise<CellFacts> {
  const count = Math.min(block.pages - first, perCell * cells);
  if (perCell === 1) {
    const { flags, classes, entropy } = await api.pages(block.name, first, count);
    return { cells: flags.length, flags, counts: null, classes, entropy };
  }
  const whole = Math.floor(count / perCell);
  const rest = count - whole * perCell;
  // Cells are equal: the last one of a block, which stands for fewer pages, is asked for by itself.
  const parts = [
    ...(whole > 0 ? [await loadOverview(api, block.name, first, whole * perCell, whole)] : []),
    ...(rest > 0 ? [await loadOverview(api, block.name, first + whole * perCell, rest, 1)] : []),
  ];
  const [one, other] = parts;
  if (one === undefined) throw new RangeError(`page ${first} is not in the block`);
  return other === undefined ? one : joined(one, other);
}

async function loadOverview(api: Api, block: string, first: number, count: number, cells: number): Promise<CellFacts> {
  const { counts, classes, entropy } = await api.overview(block, first, count, cells);
  return { cells: counts.length / OVERVIEW_COUNTS.length, flags: null, counts, classes, entropy };
}

function joined(one: CellFacts, other: CellFacts): CellFacts {
  const bytes = (a: Uint8Array | null, b: Uint8Array | null): Uint8Array | null =>
    a === null || b === null ? null : Uint8Array.from([...a, ...b]);
  return {
    cells: one.cells + other.cells,
    flags: null,
    counts: Uint32Array.from([...(one.counts ?? []), ...(other.counts ?? [])]),
    classes: bytes(one.classes, other.classes),
    entropy: bytes(one.entropy, other.entropy),
  };
}
