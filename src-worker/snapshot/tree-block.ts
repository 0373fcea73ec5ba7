import type { Range } from '@shared/bytes/ranges';
import type { StructureNode } from '@shared/contracts/inspect';
import type { MappedHeader, MappedPages } from '@shared/mapped-ram/header';
import type { RamBlock } from '@shared/stream/model';
import { recordEnd } from '@shared/stream/pieces';
import { fieldNodes, group, leaf, structNode } from './tree-nodes';

/** A RAM block: its record's fields, its mapped-ram header, and the bitmap, padding and pages that the header points to. */
export function blockNode(id: string, block: RamBlock): StructureNode {
  const { record, hostPageSize, address, header } = block;
  const children: StructureNode[] = [...fieldNodes(id, record)];
  if (hostPageSize !== null) children.push(...fieldNodes(id, hostPageSize));
  if (address !== null) children.push(...fieldNodes(id, address));
  if (header !== null) children.push(headerNode(id, header));
  if (header?.mapped) children.push(...contentNodes(id, header, header.mapped));
  const length = recordEnd(block) - record.offset;
  return group(
    id,
    'block',
    block.name,
    sizeText(block.usedLength),
    record.offset,
    length,
    'A block of guest RAM.',
    children,
  );
}

function headerNode(id: string, header: MappedHeader): StructureNode {
  const meaning =
    header.mapped === null ? 'The block was skipped: both offsets are 0.' : 'Where the block is in the file.';
  const node = structNode(`${id}/header`, header.record, 'mapped-ram header', null, meaning);
  if (header.mapped === null) return node;
  const { bitmap, pages } = header.mapped;
  const targets: Readonly<Record<string, Range>> = { 'bitmap offset': bitmap, 'pages offset': pages };
  const children = node.children.map((child) => ({ ...child, pointsTo: targets[child.label] ?? null }));
  return { ...node, children };
}

function contentNodes(id: string, header: MappedHeader, { bitmap, pages }: MappedPages): readonly StructureNode[] {
  const bits = 'One bit for each page: set when the page is in the file.';
  const nodes = [
    leaf(`${id}/bitmap`, 'bitmap', 'bitmap', sizeText(bitmap.length), bitmap.offset, bitmap.length, bits, 'bytes'),
  ];
  const gapStart = Math.max(bitmap.offset + bitmap.length, header.record.offset + header.record.length);
  if (gapStart < pages.offset) {
    const gap = pages.offset - gapStart;
    nodes.push(
      leaf(`${id}/padding`, 'padding', 'padding', sizeText(gap), gapStart, gap, 'Aligns the pages; QEMU uses 1 MiB.'),
    );
  }
  const value = `${header.pagesTotal} pages`;
  nodes.push(
    leaf(`${id}/pages`, 'pages', 'pages', value, pages.offset, pages.length, 'A raw image of the block.', 'bytes'),
  );
  return nodes;
}

const UNITS = ['bytes', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB'];

/** Bytes in the largest binary unit in which they are at least 1: `64 KiB`, `956.0 KiB`, `2.50 GiB`. */
function sizeText(bytes: number): string {
  const power = bytes < 1024 ? 0 : Math.min(UNITS.length - 1, Math.floor(Math.log2(bytes) / 10));
  const value = bytes / 2 ** (10 * power);
  const figure = Number.isInteger(value) || value >= 999.5 ? String(Math.round(value)) : value.toPrecision(3);
  return `${figure} ${UNITS[power] ?? 'bytes'}`;
}
