/** A stream as labelled stretches of the file, to find what overlaps and what lies between. */
import type { ParsedStream, RamBlock, Section } from './model';
import type { Problems } from './problems';
import { endOf, type Parsed } from '../bytes/table';

export interface Piece {
  readonly label: string;
  readonly start: number;
  readonly end: number;
}

/** Everything that owns bytes, by its start. Stretches between pieces are padding or not understood. */
export function piecesOf(stream: Omit<ParsedStream, 'complete' | 'problems'>): readonly Piece[] {
  const { container, configuration, ramTotal, eof, description } = stream;
  const pieces: Piece[] = [];
  const add = (label: string, start: number, end: number): void => {
    if (end > start) pieces.push({ label, start, end });
  };
  const addParsed = (label: string, parsed: Parsed | null): void => {
    if (parsed !== null) add(label, parsed.offset, endOf(parsed));
  };
  if (container.libvirt !== null) add('the libvirt header', container.start, container.streamOffset);
  addParsed('the stream header', stream.header);
  if (configuration !== null) {
    addParsed('CONFIGURATION', configuration.record);
    for (const { record, content } of configuration.subsections) {
      for (const parsed of [record, ...content]) addParsed('CONFIGURATION', parsed);
    }
  }
  addParsed('the announced RAM size', ramTotal?.record ?? null);
  for (const block of stream.ramBlocks) addBlock(block, add);
  for (const section of stream.sections) addSection(section, add);
  addParsed('EOF', eof);
  if (description !== null)
    add('VMDESCRIPTION', description.record.offset, description.text.offset + description.text.length);
  return pieces.sort((a, b) => a.start - b.start || a.end - b.end);
}

type Add = (label: string, start: number, end: number) => void;

function addBlock(block: RamBlock, add: Add): void {
  add(`the record of ${block.name}`, block.record.offset, recordEnd(block));
  const mapped = block.header?.mapped;
  if (!mapped) return;
  add(`the bitmap of ${block.name}`, mapped.bitmap.offset, mapped.bitmap.offset + mapped.bitmap.length);
  add(`the pages of ${block.name}`, mapped.pages.offset, mapped.pages.offset + mapped.pages.length);
}

/** Behind a block's record and whatever optional fields it has. */
export const recordEnd = (block: RamBlock): number =>
  endOf(block.header?.record ?? block.address ?? block.hostPageSize ?? block.record);

function addSection(section: Section, add: Add): void {
  const label = section.type === 'command' ? `COMMAND ${section.name ?? ''}`.trim() : `section ${section.name}`;
  add(label, section.record.offset, endOf(section.record));
  const dataEnd = section.data.offset + section.data.length;
  // RAM's first section spans its blocks, which are pieces of their own: only its end-of-section word is its own.
  const listsBlocks = section.type === 'start' && section.name === 'ram' && section.counts === null;
  add(label, listsBlocks ? Math.max(section.data.offset, dataEnd - 8) : section.data.offset, dataEnd);
  if (section.footer !== null) add(label, section.footer.offset, endOf(section.footer));
}

/** Reports every piece that begins before an earlier one has ended. */
export function findOverlaps(stream: Omit<ParsedStream, 'complete' | 'problems'>, problems: Problems): void {
  if (!stream.ramBlocks.some((block) => block.header?.mapped)) return;
  let widest: Piece | null = null;
  for (const piece of piecesOf(stream)) {
    if (widest !== null && piece.start < widest.end) {
      problems.add('error', 'overlap', piece.start, `${capital(piece.label)} overlaps ${widest.label}.`);
    }
    if (widest === null || piece.end > widest.end) widest = piece;
  }
}

const capital = (text: string): string => text.charAt(0).toUpperCase() + text.slice(1);
