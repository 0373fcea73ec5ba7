import { ByteCursor } from '../bytes/cursor';
import type { ByteSource } from '../bytes/source';
import { fileOffset, type FileOffset } from '../bytes/units';
import { fail, StillframeError } from '../contracts/failure';
import { readConfiguration, type ConfigurationDraft } from './configuration';
import { findContainer } from './container';
import { walkToEnd } from './devices';
import { LAYOUT, TYPE, type Layout } from './layout';
import type { Configuration, Description, ParsedStream, Section } from './model';
import { findOverlaps, recordEnd } from './pieces';
import { Problems, type ProblemCode } from './problems';
import type { SectionState } from './sections';
import { endOf, fieldOf, readStruct, type Parsed } from '../bytes/table';

export interface ParseOptions {
  /** Where the stream begins; null or absent: it is looked for (`findContainer`). */
  readonly streamOffset?: number | null;
  /** The tables to go by; for tests. */
  readonly layout?: Layout;
}

/** With one of these a file is not complete, even if its EOF was reached. */
const BREAKS: ReadonlySet<string> = new Set<ProblemCode>([
  'truncated',
  'save-incomplete',
  'early-eof',
  'pages-elsewhere',
]);

/**
 * Reads everything of a stream but its pages.
 *
 * Rejects with `format.not-a-stream`, `format.unsupported` or `format.truncated` when not even the stream's header can be
 * read; whatever is wrong behind it is a problem of the result, which then tells what could be read. Memory and time are
 * bounded by what the file really holds, not by what its fields say. I/O failures reject.
 */
export async function parseStream(source: ByteSource, options: ParseOptions = {}): Promise<ParsedStream> {
  const layout = options.layout ?? LAYOUT;
  const size = await source.size();
  const container = await findContainer(source, size, layout, options.streamOffset ?? null);
  const cursor = new ByteCursor(source, size, container.streamOffset);
  const header = await readStreamHeader(cursor, layout);
  const problems = new Problems();
  if (container.libvirt?.finished === false) {
    const message = 'libvirt marks this image as unfinished (LibvirtQemudPart): its save was cut off.';
    problems.add('error', 'save-incomplete', container.start, message);
  }

  const configuration: ConfigurationDraft = { value: null };
  let state = newState(null);
  let description: Description | null = null;
  try {
    await cursor.need(1, 'section type');
    if (cursor.peek(1)[0] === TYPE.configuration) await readConfiguration(cursor, layout, configuration);
    state = newState(configuration.value);
    description = await walkToEnd(cursor, layout, state, problems);
  } catch (error) {
    if (!(error instanceof StillframeError) || !error.failure.code.startsWith('format.')) throw error;
    problems.addFailure(error.failure);
  }

  const { sections, notListed: sectionsNotListed, footers, eof } = state;
  const end = Math.max(cursorEnd(header, configuration.value), endOfWalk(state, description));
  const stream = {
    name: source.name,
    size,
    layout,
    container,
    header,
    configuration: configuration.value,
    ramTotal: state.ram.total,
    ramBlocks: state.ram.blocks,
    sections,
    sectionsNotListed,
    footers,
    eof,
    description,
    end: fileOffset(Math.min(end, size)),
  };
  checkEnd(state, stream, problems);
  findOverlaps(stream, problems);
  const complete = eof !== null && !problems.list.some(({ code }) => BREAKS.has(code));
  return { ...stream, complete, problems: problems.list };
}

async function readStreamHeader(cursor: ByteCursor, layout: Layout): Promise<Parsed<Layout['streamHeader']>> {
  const header = await readStruct(cursor, layout.streamHeader);
  const { version } = header.values;
  if (version === 3 || version === 2) return header;
  throw fail('format.unsupported', 'opening the file', `the stream's version is ${version}, not 3 or 2`, NEWER_QEMU, {
    where: { path: cursor.source.name, offset: fieldOf(header, 'version').offset, field: 'version' },
  });
}

const NEWER_QEMU = 'Load the file with the QEMU that saved it.';

function newState(configuration: Configuration | null): SectionState {
  const has = (capability: string): boolean => configuration?.capabilities.includes(capability) ?? false;
  const bits = configuration?.targetPageBits ?? null;
  return {
    sections: [],
    notListed: 0,
    footers: null,
    eof: null,
    names: new Map(),
    ram: {
      total: null,
      blocks: [],
      shape: configuration === null ? null : { address: has('x-ignore-shared'), header: has('mapped-ram') },
      targetPageSize: bits === null ? null : 2 ** bits,
      pages: null,
      elsewhereSaid: false,
    },
    open: new Set(),
    devices: 0,
  };
}

function cursorEnd(header: Parsed, configuration: Configuration | null): number {
  if (configuration === null) return endOf(header);
  const inner = configuration.subsections.flatMap(({ record, content }) => [record, ...content]);
  return endOf(inner.at(-1) ?? configuration.record);
}

/** Behind the last thing that was understood. */
function endOfWalk(state: SectionState, description: Description | null): number {
  if (description !== null) return description.text.offset + description.text.length;
  if (state.eof !== null) return endOf(state.eof);
  const lastBlock = state.ram.blocks.at(-1);
  const blockEnd = lastBlock === undefined ? 0 : recordEnd(lastBlock);
  const pages = lastBlock?.header?.mapped?.pages;
  return Math.max(blockEnd, pages === undefined ? 0 : pages.offset + pages.length, endOfSection(state.sections.at(-1)));
}

function endOfSection(section: Section | undefined): number {
  if (section === undefined) return 0;
  return section.footer === null ? section.data.offset + section.data.length : endOf(section.footer);
}

type Unjudged = Omit<ParsedStream, 'complete' | 'problems'>;

/** What the end of the stream, or its absence, says about the file. */
function checkEnd(state: SectionState, stream: Unjudged, problems: Problems): void {
  const { eof, description, end, size } = stream;
  if (stream.sectionsNotListed > 0) {
    problems.add('note', 'too-many', null, `${stream.sectionsNotListed} further sections are not listed.`);
  }
  if (eof === null) return;
  if (state.ram.total === null) {
    problems.add('warning', 'no-ram', eof.offset, 'The stream has no RAM section.');
  }
  for (const id of state.open) {
    const name = state.names.get(id) ?? String(id);
    const message = `Section ${name} is never ended.`;
    // A background snapshot writes no END for RAM; nothing writes mapped-ram without.
    const legal = name === 'ram' && !stream.ramBlocks.some((block) => block.header !== null);
    if (legal) problems.add('note', 'not-ended', eof.offset, message);
    else problems.add('error', 'early-eof', eof.offset, message);
  }
  if (state.devices === 0) {
    problems.add('error', 'early-eof', eof.offset, 'The stream ends before any device was saved.');
  }
  if (end < size) reportTrailing(end, size, description, problems);
}

function reportTrailing(end: FileOffset, size: number, description: Description | null, problems: Problems): void {
  const count = size - end;
  if (description === null) {
    const message = `${count} bytes follow the EOF and there is no description: if zeros, the file may have lost its tail.`;
    problems.add('warning', 'trailing-bytes', end, message);
  } else {
    problems.add('note', 'trailing-bytes', end, `${count} bytes follow the end of the stream.`);
  }
}
